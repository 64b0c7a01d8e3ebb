/** In charge of erasing a person: one transaction, after which no table tells of them. */

import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { orders } from '../db/schema/orders.ts'
import { recordNotFound } from '../lib/errors.ts'

/**
 * Waits for what is being written of them and for what Klaviyo is being told of them; what runs at the same time, and why
 * nothing is half erased, stands with the function in the migration. Who orders again is a new customer.
 */
export function eraseCustomer(db: Database, customerId: string): Promise<void> {
  return transaction(db, async (tx) => {
    const [row] = await tx.execute<{ found: boolean }>(
      sql`select customers_erase(${customerId}) as found`,
    )
    if (!row?.found) recordNotFound('customer', customerId)
  })
}

/** Whether an order is there whose customer was erased. */
export async function isErased(db: Queryable, orderId: string): Promise<boolean> {
  const found = await db.execute(
    sql`select from ${orders} where id = ${orderId} and erased_at is not null`,
  )
  return found.length > 0
}
