import { sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'

/** Runs `work` so that a query of its that fails leaves the rest of the transaction usable. Not to be nested. */
export async function savepoint<T>(tx: Queryable, work: () => Promise<T>): Promise<T> {
  await tx.execute(sql`savepoint part`)
  try {
    const result = await work()
    await tx.execute(sql`release savepoint part`)
    return result
  } catch (error) {
    await tx.execute(sql`rollback to savepoint part`)
    throw error
  }
}
