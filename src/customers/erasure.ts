import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { postgresCode } from '../db/postgres-error.ts'
import { orders } from '../db/schema/orders.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'

/**
 * One transaction, after which no table holds anything about the customer. Waits for concurrent writes of
 * theirs and for messages being sent; the function in the migration says why nothing is half erased. Who
 * orders again is a new customer.
 */
export async function eraseCustomer(db: Database, customerId: string): Promise<void> {
  try {
    await transaction(db, async (tx) => {
      const [row] = await tx.execute<{ found: boolean }>(
        sql`select customers_erase(${customerId}) as found`,
      )
      if (!row?.found) recordNotFound('customer', customerId)
    })
  } catch (error) {
    throw postgresCode(error) === importInTheWay ? busy() : error
  }
}

/** The SQLSTATE with which the function refuses. */
const importInTheWay = 'SF001'
const busy = () =>
  new AppError(
    'conflict',
    'An import that names this customer is being applied. Nothing was erased: wait until it is done, then erase.',
  )

/** Whether the order exists and its customer was erased. */
export async function isErased(db: Queryable, orderId: string): Promise<boolean> {
  const found = await db.execute(
    sql`select from ${orders} where id = ${orderId} and erased_at is not null`,
  )
  return found.length > 0
}
