/** In charge of writing many drafts at once, such that a bad one among them costs only itself. */
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { databaseErrorToAppError, postgresCode } from '../db/postgres-error.ts'
import { AppError } from '../lib/errors.ts'

/** `place` counts from 0 among the drafts that were handed in. */
export type Rejected = { place: number; reason: string }
export type ImportCounts = { created: number; updated: number; unchanged: number }
export type Written = ImportCounts & { rejected: Rejected[] }

/** Writes all of them within the transaction, except those it rejects; throws when one of them spoils all. */
export type WriteInputs<D> = (tx: Queryable, drafts: D[]) => Promise<Written>

export const nothing: Written = { created: 0, updated: 0, unchanged: 0, rejected: [] }

/** Only to roll back. */
class DryRun extends Error {}

/**
 * One transaction, and when a draft spoils it, one for each half, down to the draft that is to blame.
 * A dry run does the same and rolls every transaction back.
 */
export async function writeBatch<D>(
  db: Database,
  write: WriteInputs<D>,
  drafts: D[],
  dryRun: boolean,
): Promise<Written> {
  if (drafts.length === 0) return nothing
  try {
    return await attempt(db, write, drafts, dryRun)
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === undefined) throw error
    if (drafts.length === 1) return { ...nothing, rejected: [{ place: 0, reason }] }
  }
  const middle = Math.ceil(drafts.length / 2)
  const first = await writeBatch(db, write, drafts.slice(0, middle), dryRun)
  const second = await writeBatch(db, write, drafts.slice(middle), dryRun)
  return add(first, { ...second, rejected: moved(second.rejected, middle) })
}

/** The client fails a transaction in which Postgres refused anything; the verdict on a draft that was alone still holds. */
async function attempt<D>(
  db: Database,
  write: WriteInputs<D>,
  drafts: D[],
  dryRun: boolean,
): Promise<Written> {
  let written: Written | undefined
  try {
    await transaction(db, async (tx) => {
      written = undefined
      written = await write(tx, drafts)
      if (dryRun) throw new DryRun()
    })
  } catch (error) {
    const alone = drafts.length === 1 && written?.rejected.length === 1
    if (!alone && !(error instanceof DryRun)) throw error
  }
  return written ?? nothing
}

export function add(a: Written, b: Written): Written {
  return {
    created: a.created + b.created,
    updated: a.updated + b.updated,
    unchanged: a.unchanged + b.unchanged,
    rejected: [...a.rejected, ...b.rejected],
  }
}

const moved = (rejected: Rejected[], by: number) =>
  rejected.map(({ place, reason }) => ({ place: place + by, reason }))

/** Undefined for what is no draft's fault: the database that is away, a bug. */
export function reasonOf(error: unknown): string | undefined {
  const refusal = error instanceof AppError ? error : databaseErrorToAppError(error)
  if (refusal?.code === 'unavailable') return undefined
  const [summary, ...faults] = refusal
    ? [refusal.message, ...refusal.fieldErrors.map(({ field, detail }) => `${field} ${detail}`)]
    : []
  if (faults.length > 0) return faults.join('; ').replace(/^\w+s\.\d+\./, '')
  return (
    summary ?? (dataFault.test(postgresCode(error) ?? '') ? 'the database refused it' : undefined)
  )
}

/** SQLSTATEs of values, of rules, and of a transaction that one of these has ended. */
const dataFault = /^(22...|23...|25P02)$/
