/** Reads what events and profiles are built from. The queries are functions of the database, whose plans a session keeps. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../../db/connection.ts'
import { textArray } from '../../db/parameters.ts'
import type { CustomerWithStore, OrderRecord } from './records.ts'

/** Orders that no longer exist are missing. Updates and amendments are empty unless asked for. */
export async function loadOrders(
  db: Queryable,
  ids: readonly string[],
  { withUpdates }: { withUpdates: boolean },
): Promise<OrderRecord[]> {
  const rows = await db.execute<{ record: OrderRecord }>(
    sql`select record from order_records(${textArray(ids)}, ${withUpdates}) as record`,
  )
  return rows.map(({ record }) => record)
}

/** Customers with their most recent store. */
export async function loadCustomers(
  db: Queryable,
  ids: readonly string[],
): Promise<CustomerWithStore[]> {
  const rows = await db.execute<{ record: CustomerWithStore }>(
    sql`select record from customer_records(${textArray(ids)}) as record`,
  )
  return rows.map(({ record }) => record)
}
