import { sql } from 'drizzle-orm'
import { assertStoreExists } from '../catalog/assert-store-exists.ts'
import { resolveCustomer } from '../customers/customers.ts'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { orderItems, orders } from '../db/schema/orders.ts'
import { digestOf } from '../lib/digest.ts'
import { AppError } from '../lib/errors.ts'
import type { Order, OrderInput } from './order-input.ts'
import { getOrder } from './order-reads.ts'

export type RecordedOrder = { order: Order; created: boolean }

/**
 * The same body again changes nothing and sends nothing, also when both come at once: the order's
 * primary key decides. Another body under the same id is a conflict.
 */
export function recordOrder(
  db: Database,
  input: OrderInput,
  defaults: { currency: string },
): Promise<RecordedOrder> {
  return transaction(db, async (tx) => {
    const created = await writeOrder(tx, input, defaults)
    return { order: await getOrder(tx, input.id), created }
  })
}

/** Part of the caller's transaction. Returns whether the order is new. */
export async function writeOrder(
  tx: Queryable,
  input: OrderInput,
  defaults: { currency: string },
): Promise<boolean> {
  const digest = digestOf(input)
  if (await isRecorded(tx, input.id, digest)) return false
  if (input.store_id) await assertStoreExists(tx, input.store_id)
  const { id: customerId } = await resolveCustomer(tx, input.customer, input.placed_at)
  const created = await insertOrder(tx, input, { customerId, digest, ...defaults })
  if (created) await insertItems(tx, input)
  else await isRecorded(tx, input.id, digest)
  return created
}

/** Another order under the same id is a conflict. After its customer was erased, any content counts as a repeat, so that repeating an order cannot bring the customer back. */
async function isRecorded(tx: Queryable, id: string, digest: string): Promise<boolean> {
  const [found] = await tx.execute<{ digest: string | null; erased: boolean }>(
    sql`select digest, erased_at is not null as erased from ${orders} where id = ${id}`,
  )
  if (found && !found.erased && found.digest !== digest)
    throw new AppError(
      'conflict',
      `The order "${id}" is already recorded with other content. What was sent to Klaviyo cannot be changed; record a refund or a cancellation.`,
      [{ field: 'id', detail: 'is the id of an order with other content' }],
    )
  return found !== undefined
}

async function insertOrder(
  tx: Queryable,
  input: OrderInput,
  { customerId, digest, currency }: { customerId: string; digest: string; currency: string },
): Promise<boolean> {
  const { customer, items, ...given } = input
  const row = {
    ...given,
    currency: given.currency ?? currency,
    metadata: given.metadata ?? {},
    customer_id: customerId,
    digest,
  }
  const inserted = await tx.execute(sql`
    insert into ${orders} (id, customer_id, store_id, placed_at, currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest)
    select id, customer_id, store_id, coalesce(placed_at, now()), currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest
    from jsonb_populate_record(null::${orders}, ${JSON.stringify(row)}::jsonb)
    on conflict (id) do nothing returning id`)
  return inserted.length > 0
}

async function insertItems(tx: Queryable, { id, items }: OrderInput): Promise<void> {
  if (items.length === 0) return
  const rows = items.map((item, index) => ({ line: index + 1, ...item, order_id: id }))
  await tx.execute(sql`
    insert into ${orderItems} (order_id, line, product_id, sku, product_name, quantity, item_price,
      row_total, brand, categories, image_link)
    select order_id, line, product_id, sku, product_name, quantity, item_price, row_total, brand,
      categories, image_link
    from jsonb_populate_recordset(null::${orderItems}, ${JSON.stringify(rows)}::jsonb) order by line`)
}
