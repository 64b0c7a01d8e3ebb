/** In charge of recording orders: an order, its items and its customer in one transaction, once. */
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
  draft: OrderInput,
  defaults: { currency: string },
): Promise<RecordedOrder> {
  return transaction(db, async (tx) => {
    const created = await writeOrder(tx, draft, defaults)
    return { order: await getOrder(tx, draft.id), created }
  })
}

/** Part of the caller's transaction; answers whether the order is new. */
export async function writeOrder(
  tx: Queryable,
  draft: OrderInput,
  defaults: { currency: string },
): Promise<boolean> {
  const digest = digestOf(draft)
  if (await isRecorded(tx, draft.id, digest)) return false
  if (draft.store_id) await assertStoreExists(tx, draft.store_id)
  const customerId = await resolveCustomer(tx, draft.customer)
  const created = await insertOrder(tx, draft, { customerId, digest, ...defaults })
  if (created) await insertItems(tx, draft)
  else await isRecorded(tx, draft.id, digest)
  return created
}

/** Refuses another order of the same id. One whose customer was erased is recorded whatever is said of it: nobody comes back by a repeat. */
async function isRecorded(tx: Queryable, id: string, digest: string): Promise<boolean> {
  const [found] = await tx.execute<{ digest: string | null; erased: boolean }>(
    sql`select digest, erased_at is not null as erased from ${orders} where id = ${id}`,
  )
  if (found && !found.erased && found.digest !== digest)
    throw new AppError(
      'conflict',
      `The order "${id}" is recorded already, with other content. What was sent to Klaviyo cannot be changed; record a refund or a cancellation.`,
      [{ field: 'id', detail: 'is the id of an order with other content' }],
    )
  return found !== undefined
}

async function insertOrder(
  tx: Queryable,
  draft: OrderInput,
  { customerId, digest, currency }: { customerId: string; digest: string; currency: string },
): Promise<boolean> {
  const { customer, items, ...given } = draft
  const row = {
    ...given,
    currency: given.currency ?? currency,
    metadata: given.metadata ?? {},
    customer_id: customerId,
    digest,
  }
  const made = await tx.execute(sql`
    insert into ${orders} (id, customer_id, store_id, placed_at, currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest)
    select id, customer_id, store_id, coalesce(placed_at, now()), currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest
    from jsonb_populate_record(null::${orders}, ${JSON.stringify(row)}::jsonb)
    on conflict (id) do nothing returning id`)
  return made.length > 0
}

async function insertItems(tx: Queryable, { id, items }: OrderInput): Promise<void> {
  if (items.length === 0) return
  const rows = items.map((item, place) => ({ line: place + 1, ...item, order_id: id }))
  await tx.execute(sql`
    insert into ${orderItems} (order_id, line, product_id, sku, product_name, quantity, item_price,
      row_total, brand, categories, image_link)
    select order_id, line, product_id, sku, product_name, quantity, item_price, row_total, brand,
      categories, image_link
    from jsonb_populate_recordset(null::${orderItems}, ${JSON.stringify(rows)}::jsonb) order by line`)
}
