/** An order that is recorded again with other content. */
import { sql } from 'drizzle-orm'
import { isSameCustomer } from '../customers/resolve-customer.ts'
import type { Queryable } from '../db/connection.ts'
import { orderItems, orders } from '../db/schema/orders.ts'
import { AppError, type FieldError } from '../lib/errors.ts'
import type { Warning } from '../lib/warning.ts'
import { amountsFit } from './amounts-fit.ts'
import type { OrderInput } from './order-input.ts'
import type { NormalizedOrder } from './orders.ts'

export type StoredOrder = {
  digest: string | null
  erased: boolean
  placed_at: string
  customer_id: string | null
  store_id: string | null
  currency: string
  warnings: Warning[]
}

/** The conflict when the input is another order under the same id; what it leaves out is not another. Reads only. */
export async function findConflict(
  tx: Queryable,
  stored: StoredOrder,
  { id, placed_at, customer, store_id, currency }: OrderInput,
): Promise<AppError | undefined> {
  const differs = (field: string, was: string) => ({ field, detail: `is another than ${was}` })
  const errors: FieldError[] = []
  if (placed_at != null && Date.parse(placed_at) !== Date.parse(stored.placed_at))
    errors.push(differs('placed_at', stored.placed_at))
  if (customer && stored.customer_id && !(await isSameCustomer(tx, stored.customer_id, customer)))
    errors.push({ field: 'customer', detail: 'is another customer' })
  if (store_id != null && stored.store_id !== null && store_id !== stored.store_id)
    errors.push(differs('store_id', `"${stored.store_id}"`))
  if (currency != null && currency !== stored.currency)
    errors.push(differs('currency', stored.currency))
  if (errors.length === 0) return undefined
  return new AppError(
    'conflict',
    `Another order is already recorded under the id "${id}". Record this one under an id of its own.`,
    errors,
  )
}

/**
 * Under the order's lock. What is left out keeps its value, as long as a line has the same product. Triggers
 * keep what the order was and enqueue its events.
 */
export async function amendOrder(
  tx: Queryable,
  input: NormalizedOrder,
  {
    customerId,
    digest,
    warnings,
  }: { customerId: string | null; digest: string; warnings: Warning[] },
): Promise<'updated' | 'unchanged'> {
  const changed = [
    await updateOrder(tx, input, customerId),
    await deleteItems(tx, input),
    await upsertItems(tx, input),
  ].includes(true)
  if (!changed) return 'unchanged'
  await tx.execute(sql`update ${orders} set digest = ${digest} where id = ${input.id}`)
  // What the same transaction says of its customer belongs to other orders, if this one says nothing.
  if (!input.customer)
    await tx.execute(
      sql`update ${orders} set warnings = ${JSON.stringify(warnings)}::jsonb where id = ${input.id}`,
    )
  // The amendment is complete before the order is read again, or amended once more.
  await tx.execute(sql`set constraints order_amendments_complete immediate`)
  await tx.execute(sql`set constraints order_amendments_complete deferred`)
  return 'updated'
}

async function updateOrder(
  tx: Queryable,
  { customer, items, ...given }: NormalizedOrder,
  customerId: string | null,
): Promise<boolean> {
  const row = { ...given, metadata: given.metadata ?? {} }
  const updated = await tx.execute(sql`
    update ${orders} o set (customer_id, store_id, total, billing_address, shipping_address,
      discount_code, discount_value, metadata) =
      row(new.customer_id, new.store_id, new.total, new.billing_address, new.shipping_address,
        new.discount_code, new.discount_value, new.metadata)
    from (
      select r.id, coalesce(was.customer_id, ${customerId}::text) as customer_id,
        coalesce(r.store_id, was.store_id) as store_id, r.total, r.billing_address,
        r.shipping_address, r.discount_code, r.discount_value, r.metadata
      from jsonb_populate_record(null::${orders}, ${JSON.stringify(row)}::jsonb) r
      join ${orders} was on was.id = r.id
    ) new
    where o.id = new.id and (o.customer_id, o.store_id, o.total, o.billing_address, o.shipping_address,
        o.discount_code, o.discount_value, o.metadata)
      is distinct from (new.customer_id, new.store_id, new.total, new.billing_address, new.shipping_address,
        new.discount_code, new.discount_value, new.metadata)
    returning o.id`)
  return updated.length > 0
}

/** Also lines that have another product now: they take what is left out from that. */
async function deleteItems(tx: Queryable, { id, items }: NormalizedOrder): Promise<boolean> {
  const deleted = await tx.execute(sql`
    delete from ${orderItems} i where order_id = ${id} and not exists (
      select from jsonb_to_recordset(${JSON.stringify(items)}::jsonb) as kept(line int, product_id text)
      where kept.line = i.line and kept.product_id is not distinct from i.product_id
    ) returning line`)
  return deleted.length > 0
}

async function upsertItems(tx: Queryable, { id, items }: NormalizedOrder): Promise<boolean> {
  const rows = items.map((item) => ({ ...item, order_id: id }))
  const written = await amountsFit(
    tx.execute(sql`
    insert into ${orderItems} as i (order_id, line, product_id, sku, product_name, quantity, item_price,
      row_total, returned_order_id, brand, categories, image_link)
    select r.order_id, r.line, r.product_id, coalesce(r.sku, was.sku),
      coalesce(r.product_name, was.product_name), r.quantity, coalesce(r.item_price, was.item_price),
      coalesce(r.row_total, case
        when r.quantity = was.quantity and coalesce(r.item_price, was.item_price) is not distinct from was.item_price
        then was.row_total end),
      coalesce(r.returned_order_id, was.returned_order_id), coalesce(r.brand, was.brand),
      coalesce(r.categories, was.categories), coalesce(r.image_link, was.image_link)
    from jsonb_populate_recordset(null::${orderItems}, ${JSON.stringify(rows)}::jsonb) r
    left join ${orderItems} was on was.order_id = r.order_id and was.line = r.line
    order by r.line
    on conflict (order_id, line) do update set (sku, product_name, quantity, item_price, row_total,
      returned_order_id, brand, categories, image_link) = row(excluded.sku, excluded.product_name,
      excluded.quantity, excluded.item_price, excluded.row_total, excluded.returned_order_id,
      excluded.brand, excluded.categories, excluded.image_link)
    where (i.sku, i.product_name, i.quantity, i.item_price, i.row_total, i.returned_order_id,
        i.brand, i.categories, i.image_link)
      is distinct from (excluded.sku, excluded.product_name, excluded.quantity, excluded.item_price,
        excluded.row_total, excluded.returned_order_id, excluded.brand, excluded.categories,
        excluded.image_link)
    returning line`),
  )
  return written.length > 0
}
