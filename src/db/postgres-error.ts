/** Classifies errors: rejected by Postgres, or a connection that failed. */
import pg from 'pg'
import { AppError } from '../lib/errors.ts'
import { TimeoutError } from '../lib/with-timeout.ts'

/** The error as Postgres sent it, however deep it is wrapped; undefined when it came from elsewhere. */
export function postgresError(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof pg.DatabaseError) return error
  return error instanceof Error ? postgresError(error.cause) : undefined
}

/** The five-character SQLSTATE, such as `23505` for a unique violation. */
export function postgresCode(error: unknown): string | undefined {
  return postgresError(error)?.code
}

/** No answer from Postgres: no connection could be made, or it broke. */
export class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super('the connection to Postgres failed', { cause })
  }
}

/** Thrown by work that lost a race to another transaction and will see its result when run again. */
export class RetryTransaction extends Error {}

const constraintViolation = new Set(['22001', '22003', '22021', '22P05', '23502', '23503', '23514'])
/** By the statement timeout too. */
const canceled = '57014'
/** A standby, or a database set to read only. */
export const readOnly = '25006'
const unavailable = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  // "The database is not accepting connections".
  '55000',
])

/**
 * A database error in words for the client, never in Postgres's own; undefined for a fault of the server. Input is
 * validated first, so a constraint violation gets here only in a race.
 */
export function databaseErrorToAppError(error: unknown): AppError | undefined {
  if (error instanceof RetryTransaction)
    return new AppError(
      'unavailable',
      'Others wrote the same records at the same time. Nothing was changed. Try again.',
    )
  const found = postgresError(error)
  if (found && constraintViolation.has(found.code ?? '')) {
    const field = found.column ?? found.constraint ?? ''
    return new AppError('invalid', 'Validation failed.', [
      { field, detail: 'violates a constraint of the database' },
    ])
  }
  if (found?.code === canceled)
    return new AppError('unavailable', 'The database timed out. Nothing was changed.')
  if (isOutOfResources(found?.code ?? ''))
    return new AppError('unavailable', 'The database is out of resources. Try again later.')
  if (found?.code === readOnly)
    return new AppError('unavailable', 'The database is read-only at the moment. Try again later.')
  // Insufficient privilege.
  if (found?.code === '42501')
    return new AppError(
      'unavailable',
      'The server’s database user lacks a right; the log of the server says which.',
    )
  if (isUnreachable(error) || error instanceof TimeoutError)
    return new AppError('unavailable', 'The database does not answer. Try again later.')
  return undefined
}

/** Disk or memory full, a disk error, or every retry lost to a conflict. */
const isOutOfResources = (code: string) =>
  code.startsWith('53') || ['58030', '40001', '40P01', '55P03'].includes(code)

/** Whether the connection failed or none could be made; a pooler reports that by one code for everything. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof ConnectionLost) return true
  return (
    unavailable.has(postgresCode(error) ?? '') ||
    isPoolerFailure(error) ||
    isUnreachable(error.cause)
  )
}

/** PgBouncer's own errors (such as "cannot reach Postgres") are FATAL; Postgres's own with this code never are. */
function isPoolerFailure(error: unknown): boolean {
  const found = postgresError(error)
  return found?.code === '08P01' && found.severity === 'FATAL'
}
