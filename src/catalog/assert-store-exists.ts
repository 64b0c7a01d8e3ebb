import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { stores } from '../db/schema/catalog.ts'
import { AppError } from '../lib/errors.ts'

/** Rejects orders and visits in an unknown store: usually a typing error. */
export async function assertStoreExists(tx: Queryable, storeId: string): Promise<void> {
  const found = await tx.execute(sql`select from ${stores} where id = ${storeId}`)
  if (found.length > 0) return
  throw new AppError('invalid', 'Unknown store.', [
    { field: 'store_id', detail: `unknown store "${storeId}"` },
  ])
}
