/** Writes many inputs in one transaction so that an invalid one among them costs only itself. */
import { type Database, isConflict, type Queryable, transaction } from '../db/connection.ts'
import { databaseErrorToAppError, postgresCode } from '../db/postgres-error.ts'
import { AppError } from '../lib/errors.ts'

/** `index` counts from 0 among the inputs that were passed in. */
export type RejectedInput = { index: number; reason: string }
export type ImportCounts = { created: number; updated: number; unchanged: number }
/** In how many records a field was set back to its default because the file does not say it. */
export type Emptied = Record<string, number>
export type WriteResult = ImportCounts & { emptied: Emptied; rejected: RejectedInput[] }

/** Writes all inputs within the transaction, except those it rejects; throws when one of them fails the transaction. */
export type WriteInputs<T> = (tx: Queryable, inputs: T[]) => Promise<WriteResult>

export const nothingWritten: WriteResult = {
  created: 0,
  updated: 0,
  unchanged: 0,
  emptied: {},
  rejected: [],
}

/** Thrown only to roll back. */
class DryRun extends Error {}

/**
 * One transaction; when an input fails it, or it lost every race to other writers, one for each half, down to the single invalid input.
 * A dry run does the same and rolls back every transaction.
 */
export async function writeBatch<T>(
  db: Database,
  write: WriteInputs<T>,
  inputs: T[],
  dryRun: boolean,
): Promise<WriteResult> {
  if (inputs.length === 0) return nothingWritten
  try {
    return await tryBatch(db, write, inputs, dryRun)
  } catch (error) {
    const reason = rejectReason(error)
    const isLost = isConflict(error) && inputs.length > 1
    if (reason === undefined && !isLost) throw error
    if (reason !== undefined && inputs.length === 1)
      return { ...nothingWritten, rejected: [{ index: 0, reason }] }
  }
  const middle = Math.ceil(inputs.length / 2)
  const first = await writeBatch(db, write, inputs.slice(0, middle), dryRun)
  const second = await writeBatch(db, write, inputs.slice(middle), dryRun)
  const rejected = second.rejected.map(({ index, reason }) => ({ index: index + middle, reason }))
  return addResults(first, { ...second, rejected })
}

/** A transaction in which Postgres reported an error fails as a whole; the reason found for a single input still holds. */
async function tryBatch<T>(
  db: Database,
  write: WriteInputs<T>,
  inputs: T[],
  dryRun: boolean,
): Promise<WriteResult> {
  let written: WriteResult | undefined
  try {
    await transaction(db, async (tx) => {
      written = undefined
      written = await write(tx, inputs)
      if (dryRun) throw new DryRun()
    })
  } catch (error) {
    const rejectedAlone = inputs.length === 1 && written?.rejected.length === 1
    if (!rejectedAlone && !(error instanceof DryRun)) throw error
  }
  return written ?? nothingWritten
}

export function addResults(a: WriteResult, b: WriteResult): WriteResult {
  return {
    created: a.created + b.created,
    updated: a.updated + b.updated,
    unchanged: a.unchanged + b.unchanged,
    emptied: addCounts(a.emptied, b.emptied),
    rejected: [...a.rejected, ...b.rejected],
  }
}

export function addCounts(a: Emptied, b: Emptied): Emptied {
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return Object.fromEntries(fields.map((field) => [field, (a[field] ?? 0) + (b[field] ?? 0)]))
}

/** Undefined when the error has another cause than the input: the database is unavailable, or there is a bug. */
export function rejectReason(error: unknown): string | undefined {
  const appError = error instanceof AppError ? error : databaseErrorToAppError(error)
  if (appError === undefined)
    return dataError.test(postgresCode(error) ?? '') ? 'rejected by the database' : undefined
  if (appError.code === 'unavailable') return undefined
  if (appError.fieldErrors.length === 0) return appError.message
  const details = appError.fieldErrors.map(({ field, detail }) => `${field} ${detail}`)
  return details.join('; ').replace(/^\w+s\.\d+\./, '')
}

/** SQLSTATE classes: data exceptions, constraint violations, and a transaction that one of these has aborted. */
const dataError = /^(22...|23...|25P02)$/
