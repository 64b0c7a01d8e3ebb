/** Seeing who waits for a lock, so that a test holds a race at the moment that matters. */
import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../src/db/connection.ts'
import { until } from '../feeds/until.ts'

/** Until so many wait for a lock in this database; asked outside of a transaction, which would see the same answer again and again. */
export function untilWaiting(db: Database, count: number): Promise<unknown> {
  const waiting = () =>
    db.execute(sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
  return until(waiting, (rows) => rows.length === count)
}

/** Begins all of `work` while `lock` is held, and lets it go once each of them waits. */
export async function heldTogether<T>(
  db: Database,
  lock: SQL,
  work: (() => Promise<T>)[],
): Promise<T[]> {
  const { begun } = await db.transaction(async (tx) => {
    await tx.execute(lock)
    const begun = work.map((start) => start())
    await untilWaiting(db, begun.length)
    return { begun }
  })
  return Promise.all(begun)
}
