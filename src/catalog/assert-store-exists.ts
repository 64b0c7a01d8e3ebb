/** In charge of refusing orders and visits in a store that nobody knows: most often a typing error. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { stores } from '../db/schema/catalog.ts'
import { AppError } from '../lib/errors.ts'

export async function assertStoreExists(tx: Queryable, storeId: string): Promise<void> {
  const found = await tx.execute(sql`select from ${stores} where id = ${storeId}`)
  if (found.length > 0) return
  throw new AppError('invalid', 'The store does not exist.', [
    { field: 'store_id', detail: `there is no store with the id "${storeId}"` },
  ])
}
