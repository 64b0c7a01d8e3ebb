/** In charge of reading what Postgres says when it refuses, and of telling that from a connection that broke. */
import pg from 'pg'
import { AppError } from '../lib/errors.ts'
import { TimeoutError } from '../lib/with-timeout.ts'

/** The error as Postgres sent it, however deep it is wrapped; undefined when it is not Postgres's. */
export function postgresError(error: unknown): pg.DatabaseError | undefined {
  if (error instanceof pg.DatabaseError) return error
  return error instanceof Error ? postgresError(error.cause) : undefined
}

/** The five-character SQLSTATE, such as `23505` for a unique violation. */
export function postgresCode(error: unknown): string | undefined {
  return postgresError(error)?.code
}

/** Postgres said nothing: no connection could be had, or the one there was broke. */
export class ConnectionLost extends Error {
  constructor(cause: unknown) {
    super('the connection to Postgres is lost', { cause })
  }
}

const brokenRule = new Set(['22001', '22003', '22021', '22P05', '23502', '23503', '23514'])
/** Also by the limit of a statement's time. */
const canceled = '57014'
const away = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  // "The database is not accepting connections".
  '55000',
])

/**
 * What the database refused, in words for the caller, never in its own; undefined for what is the
 * server's fault. The checks at the edge come first, so a broken rule is met here only in a race.
 */
export function databaseErrorToAppError(error: unknown): AppError | undefined {
  const found = postgresError(error)
  if (found && brokenRule.has(found.code ?? '')) {
    const field = found.column ?? found.constraint ?? ''
    return new AppError('invalid', 'The database refused a value.', [
      { field, detail: 'breaks a rule of the database' },
    ])
  }
  if (found?.code === canceled)
    return new AppError('unavailable', 'The database took too long, and nothing was changed.')
  if (isOutOfMeans(found?.code ?? ''))
    return new AppError('unavailable', 'The database cannot do this at the moment. Try again soon.')
  // Of a standby, or of a database that is set to read only.
  if (found?.code === '25006')
    return new AppError(
      'unavailable',
      'The database takes no writes at the moment. Try again soon.',
    )
  if (isUnreachable(error) || error instanceof TimeoutError)
    return new AppError('unavailable', 'The database does not answer. Try again soon.')
  return undefined
}

/** No room on its disk or in its memory, an error of its disk, or locks lost to others in every try. */
const isOutOfMeans = (code: string) =>
  code.startsWith('53') || ['58030', '40001', '40P01', '55P03'].includes(code)

/** Whether the connection broke, or none could be had: a pooler tells that by one code for everything. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof ConnectionLost) return true
  return away.has(postgresCode(error) ?? '') || isEndedByPooler(error) || isUnreachable(error.cause)
}

/** PgBouncer's own errors, such as that it cannot reach Postgres, are fatal; those of Postgres with this code never are. */
function isEndedByPooler(error: unknown): boolean {
  const found = postgresError(error)
  return found?.code === '08P01' && found.severity === 'FATAL'
}
