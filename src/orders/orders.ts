import { sql } from 'drizzle-orm'
import { resolveCustomer } from '../customers/customers.ts'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { orderItems, orders } from '../db/schema/orders.ts'
import { digestOf } from '../lib/digest.ts'
import { amendOrder, assertSameOrder, type StoredOrder } from './amend-order.ts'
import type { Order, OrderInput } from './order-input.ts'
import { getOrder } from './order-reads.ts'

export type RecordedOrder = { order: Order; created: boolean }
export type OrderChange = 'created' | 'updated' | 'unchanged'

/**
 * The same order again changes nothing and sends nothing, however it is spelled, also when both come at once:
 * the order's primary key decides. Other content under the same id amends the order; another time, customer,
 * store or currency is another order, and a conflict.
 */
export function recordOrder(
  db: Database,
  input: OrderInput,
  defaults: { currency: string },
): Promise<RecordedOrder> {
  return transaction(db, async (tx) => {
    const change = await writeOrder(tx, input, defaults)
    return { order: await getOrder(tx, input.id), created: change === 'created' }
  })
}

/** Part of the caller's transaction. */
export async function writeOrder(
  tx: Queryable,
  given: OrderInput,
  defaults: { currency: string },
): Promise<OrderChange> {
  const input = normalize(given, defaults.currency)
  const digest = digestOf(input)
  const found = await findOrder(tx, input.id)
  if (found && isRepeat(found, digest)) return 'unchanged'
  if (found) await assertSameOrder(tx, found, given)
  const customerId = await customerOf(tx, given, found?.placed_at)
  if (await insertOrder(tx, input, { customerId, digest })) {
    await insertItems(tx, input)
    return 'created'
  }
  const locked = await findOrder(tx, input.id, sql`for no key update`)
  if (!locked || isRepeat(locked, digest)) return 'unchanged'
  if (!found) await assertSameOrder(tx, locked, given)
  return amendOrder(tx, input, { customerId, digest })
}

async function customerOf(
  tx: Queryable,
  { customer, placed_at }: OrderInput,
  recordedAt: string | undefined,
): Promise<string | null> {
  if (!customer) return null
  return (await resolveCustomer(tx, customer, placed_at ?? recordedAt)).id
}

/** What the input means, so that the same order has one digest. */
function normalize(given: OrderInput, currency: string) {
  const { customer, metadata, items } = given
  const email = customer?.email?.trim().toLowerCase()
  return {
    ...given,
    currency: given.currency ?? currency,
    metadata: metadata && Object.keys(metadata).length > 0 ? metadata : null,
    customer: customer && { ...customer, ...(email !== undefined && { email }) },
    items: (items ?? []).map((item, index) => ({
      ...item,
      line: item.line ?? index + 1,
      quantity: item.quantity ?? 1,
    })),
  }
}
export type NormalizedOrder = ReturnType<typeof normalize>

/** After its customer was erased, any content counts as a repeat, so that repeating an order cannot bring the customer back. */
const isRepeat = (stored: StoredOrder, digest: string) => stored.erased || stored.digest === digest

async function findOrder(
  tx: Queryable,
  id: string,
  lock = sql``,
): Promise<StoredOrder | undefined> {
  const [found] = await tx.execute<StoredOrder>(sql`
    select digest, erased_at is not null as erased, placed_at, customer_id, store_id, currency
    from ${orders} where id = ${id} ${lock}`)
  return found
}

async function insertOrder(
  tx: Queryable,
  input: NormalizedOrder,
  { customerId, digest }: { customerId: string | null; digest: string },
): Promise<boolean> {
  const { customer, items, ...given } = input
  const row = { ...given, metadata: given.metadata ?? {}, customer_id: customerId, digest }
  const inserted = await tx.execute(sql`
    insert into ${orders} (id, customer_id, store_id, placed_at, currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest)
    select id, customer_id, store_id, coalesce(placed_at, now()), currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest
    from jsonb_populate_record(null::${orders}, ${JSON.stringify(row)}::jsonb)
    on conflict (id) do nothing returning id`)
  return inserted.length > 0
}

async function insertItems(tx: Queryable, { id, items }: NormalizedOrder): Promise<void> {
  if (items.length === 0) return
  const rows = items.map((item) => ({ ...item, order_id: id }))
  await tx.execute(sql`
    insert into ${orderItems} (order_id, line, product_id, sku, product_name, quantity, item_price,
      row_total, returned_order_id, brand, categories, image_link)
    select order_id, line, product_id, sku, product_name, quantity, item_price, row_total,
      returned_order_id, brand, categories, image_link
    from jsonb_populate_recordset(null::${orderItems}, ${JSON.stringify(rows)}::jsonb) order by line`)
}
