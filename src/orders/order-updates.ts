/** Fulfilments, cancellations and refunds of an order, each recorded once. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import {
  type LineQuantity,
  orderItems,
  orders,
  orderUpdates,
  type UpdateKind,
} from '../db/schema/orders.ts'
import { digestOf } from '../lib/digest.ts'
import { AppError, type FieldError, recordNotFound } from '../lib/errors.ts'
import type { OrderUpdate, UpdateInput } from './order-input.ts'

export type RecordedUpdate = { update: OrderUpdate; created: boolean }

/** What becomes of a value beyond what is left: a caller who can correct it is told; what a file says happened is recorded, with a warning. */
type BeyondLeft = 'reject' | 'record'

/**
 * Under the order's lock, so that two refunds at once cannot together exceed what was ordered. The
 * same body again changes nothing and sends nothing.
 */
export function recordUpdate(
  db: Database,
  orderId: string,
  kind: UpdateKind,
  input: UpdateInput,
): Promise<RecordedUpdate> {
  return transaction(db, async (tx) => {
    const created = await writeUpdate(tx, orderId, kind, input, 'reject')
    return { update: await getUpdate(tx, { orderId, kind, id: input.id }), created }
  })
}

/** Part of the caller's transaction. Returns whether the update is new. */
export async function writeUpdate(
  tx: Queryable,
  orderId: string,
  kind: UpdateKind,
  input: UpdateInput,
  beyondLeft: BeyondLeft,
): Promise<boolean> {
  const digest = digestOf(input)
  const [order] = await tx.execute<{ erased: boolean }>(sql`
    select erased_at is not null as erased from ${orders} where id = ${orderId} for no key update`)
  if (!order) recordNotFound('order', orderId)
  if (await isRecorded(tx, { orderId, kind, id: input.id, digest }, order.erased)) return false
  const items = input.items ? await fillQuantities(tx, orderId, kind, input.items) : null
  if (beyondLeft === 'reject')
    await rejectBeyondLeft(tx, { orderId, kind, id: input.id }, input.value, items)
  await insertUpdate(tx, { orderId, kind, digest }, { ...input, items })
  return true
}

type UpdateKey = { orderId: string; kind: UpdateKind; id: string }

/** Erasing a customer deletes the digests of the order's updates: from then on the id alone makes a repeat. */
async function isRecorded(
  tx: Queryable,
  key: UpdateKey & { digest: string },
  erased: boolean,
): Promise<boolean> {
  const [found] = await tx.execute<{ digest: string | null }>(
    sql`select digest from ${orderUpdates} where ${hasKey(key)}`,
  )
  const digestErased = erased && found?.digest === null
  if (found && !digestErased && found.digest !== key.digest)
    throw new AppError('conflict', `"${key.id}" is already recorded with other content.`, [
      { field: 'id', detail: 'is used by an update of this order with other content' },
    ])
  return found !== undefined
}

async function getUpdate(tx: Queryable, key: UpdateKey): Promise<OrderUpdate> {
  const [row] = await tx.execute<{ record: OrderUpdate }>(sql`
    select row_to_json(r) as record from (
      select id, kind, occurred_at, reason, value, items, tracking_number, tracking_company, shipping_method, created_at
      from ${orderUpdates} where ${hasKey(key)}
    ) r`)
  return row?.record ?? recordNotFound('update', key.id)
}

const hasKey = ({ orderId, kind, id }: UpdateKey) =>
  sql`order_id = ${orderId} and kind = ${kind} and id = ${id}`

async function insertUpdate(
  tx: Queryable,
  { orderId, kind, digest }: { orderId: string; kind: UpdateKind; digest: string },
  input: Omit<UpdateInput, 'items'> & { items: LineQuantity[] | null },
): Promise<void> {
  const row = { ...input, order_id: orderId, kind, digest }
  await tx.execute(sql`
    insert into ${orderUpdates} (order_id, kind, id, occurred_at, reason, value, items,
      tracking_number, tracking_company, shipping_method, digest)
    select order_id, kind, id, coalesce(occurred_at, now()), reason, value, items,
      tracking_number, tracking_company, shipping_method, digest
    from jsonb_populate_record(null::${orderUpdates}, ${JSON.stringify(row)}::jsonb)`)
}

/** A trigger decides by the same function what an update without a value is worth. */
async function rejectBeyondLeft(
  tx: Queryable,
  { orderId, kind, id }: UpdateKey,
  value: number | null | undefined,
  items: LineQuantity[] | null,
): Promise<void> {
  if (value == null) return
  const lines = items && JSON.stringify(items)
  const [row] = await tx.execute<{ most: number; currency: string }>(sql`
    select most::float8, currency from ${orders}, order_update_left(id, ${kind}, ${lines}::jsonb, ${id})
    where id = ${orderId} and ${value}::numeric > most`)
  if (!row) return
  const rest = items ? 'of these lines' : 'of the order'
  throw new AppError('invalid', `The value is more than what is left to be ${kind}.`, [
    { field: 'value', detail: `only ${row.most} ${row.currency} ${rest} is left, got ${value}` },
  ])
}

/** Postgres subtracts: floats would not be exact. */
type LineState = { line: number; left: number }

/** A line without a quantity gets what is left of it; more than is left is an error. */
async function fillQuantities(
  tx: Queryable,
  orderId: string,
  kind: UpdateKind,
  items: NonNullable<UpdateInput['items']>,
): Promise<LineQuantity[]> {
  const rows = await tx.execute<LineState>(sql`
    select i.line, (i.quantity - coalesce(sum(n.quantity), 0))::float8 as left
    from ${orderItems} i
    left join ${orderUpdates} u on u.order_id = i.order_id and u.kind = ${kind}
    left join lateral jsonb_to_recordset(u.items) as n(line numeric, quantity numeric) on n.line = i.line
    where i.order_id = ${orderId} and i.quantity > 0 group by i.line, i.quantity`)
  const lines = new Map(rows.map((row) => [row.line, row]))
  const named = items.map(({ line, quantity }) => ({
    line,
    quantity: quantity ?? lines.get(line)?.left ?? 0,
  }))
  const errors = named.flatMap((item, index) => lineErrors(item, index, lines.get(item.line)))
  if (errors.length > 0)
    throw new AppError('invalid', 'Some lines or quantities do not match the order.', errors)
  return named
}

function lineErrors(
  { line, quantity }: LineQuantity,
  index: number,
  state?: LineState,
): FieldError[] {
  if (!state) return [{ field: `items.${index}.line`, detail: `the order has no line ${line}` }]
  if (quantity > 0 && quantity <= state.left) return []
  const detail = `line ${line} has only ${state.left} left`
  return [{ field: `items.${index}.quantity`, detail }]
}
