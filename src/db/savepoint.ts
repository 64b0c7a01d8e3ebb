import { sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'

/**
 * Runs one query so that the rest of the transaction stays usable if it fails. All is sent together: `query` must send
 * before it returns. Not to be nested.
 */
export async function savepoint<T>(tx: Queryable, query: () => Promise<T>): Promise<T> {
  const begun = tx.execute(sql`savepoint part`)
  const result = query()
  const released = tx.execute(sql`release savepoint part`)
  const failed = (await Promise.allSettled([begun, result, released])).some(
    ({ status }) => status === 'rejected',
  )
  if (failed) await tx.execute(sql`rollback to savepoint part`)
  return result
}
