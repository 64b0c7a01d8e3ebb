/** In charge of what becomes of an order: fulfilments, cancellations and refunds, each recorded once. */
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

/**
 * Under the order's lock, so that two refunds at once cannot together exceed what was ordered. The
 * same body again changes nothing and sends nothing.
 */
export function recordUpdate(
  db: Database,
  orderId: string,
  kind: UpdateKind,
  draft: UpdateInput,
): Promise<RecordedUpdate> {
  return transaction(db, async (tx) => {
    const created = await writeUpdate(tx, orderId, kind, draft)
    return { update: await getUpdate(tx, { orderId, kind, id: draft.id }), created }
  })
}

/** Part of the caller's transaction; answers whether the update is new. */
export async function writeUpdate(
  tx: Queryable,
  orderId: string,
  kind: UpdateKind,
  draft: UpdateInput,
): Promise<boolean> {
  const digest = digestOf(draft)
  const [order] = await tx.execute<{ erased: boolean }>(sql`
    select erased_at is not null as erased from ${orders} where id = ${orderId} for no key update`)
  if (!order) recordNotFound('order', orderId)
  if (await isRecorded(tx, { orderId, kind, id: draft.id, digest }, order.erased)) return false
  await insertUpdate(tx, { orderId, kind, digest }, draft)
  return true
}

type UpdateKey = { orderId: string; kind: UpdateKind; id: string }

/** The digests of what was known of an order before its customer was erased are gone: a repeat is one by its id. */
async function isRecorded(
  tx: Queryable,
  key: UpdateKey & { digest: string },
  erased: boolean,
): Promise<boolean> {
  const [found] = await tx.execute<{ digest: string | null }>(
    sql`select digest from ${orderUpdates} where ${same(key)}`,
  )
  const forgotten = erased && found?.digest === null
  if (found && !forgotten && found.digest !== key.digest)
    throw new AppError('conflict', `"${key.id}" is recorded already, with other content.`, [
      { field: 'id', detail: 'is used by an update of this order with other content' },
    ])
  return found !== undefined
}

async function getUpdate(tx: Queryable, key: UpdateKey): Promise<OrderUpdate> {
  const [row] = await tx.execute<{ record: OrderUpdate }>(sql`
    select row_to_json(r) as record from (
      select id, kind, occurred_at, reason, value, items, tracking_number, tracking_company, shipping_method, created_at
      from ${orderUpdates} where ${same(key)}
    ) r`)
  return row?.record ?? recordNotFound('update', key.id)
}

const same = ({ orderId, kind, id }: UpdateKey) =>
  sql`order_id = ${orderId} and kind = ${kind} and id = ${id}`

async function insertUpdate(
  tx: Queryable,
  { orderId, kind, digest }: { orderId: string; kind: UpdateKind; digest: string },
  draft: UpdateInput,
): Promise<void> {
  const items = draft.items ? await wholeQuantities(tx, orderId, kind, draft.items) : null
  const row = { ...draft, items, order_id: orderId, kind, digest }
  await tx.execute(sql`
    insert into ${orderUpdates} (order_id, kind, id, occurred_at, reason, value, items,
      tracking_number, tracking_company, shipping_method, digest)
    select order_id, kind, id, coalesce(occurred_at, now()), reason, value, items,
      tracking_number, tracking_company, shipping_method, digest
    from jsonb_populate_record(null::${orderUpdates}, ${JSON.stringify(row)}::jsonb)`)
}

/** What is left of a line is Postgres's to subtract: floats would be off by a hair. */
type LineState = { line: number; left: number }

/** Fills in what is left of a line when no quantity is said, and refuses more than was ordered. */
async function wholeQuantities(
  tx: Queryable,
  orderId: string,
  kind: UpdateKind,
  items: NonNullable<UpdateInput['items']>,
): Promise<LineQuantity[]> {
  const rows = await tx.execute<LineState>(sql`
    select i.line, (i.quantity - coalesce(sum(n.quantity), 0))::float8 as left
    from ${orderItems} i
    left join ${orderUpdates} u on u.order_id = i.order_id and u.kind = ${kind}
    left join lateral jsonb_to_recordset(u.items) as n(line int, quantity numeric) on n.line = i.line
    where i.order_id = ${orderId} group by i.line, i.quantity`)
  const lines = new Map(rows.map((row) => [row.line, row]))
  const named = items.map(({ line, quantity }) => ({
    line,
    quantity: quantity ?? lines.get(line)?.left ?? 0,
  }))
  const faults = named.flatMap((item, place) => faultOf(item, place, lines.get(item.line)))
  if (faults.length > 0)
    throw new AppError('invalid', 'Some lines are not what was ordered.', faults)
  return named
}

function faultOf({ line, quantity }: LineQuantity, place: number, state?: LineState): FieldError[] {
  if (!state) return [{ field: `items.${place}.line`, detail: `the order has no line ${line}` }]
  if (quantity > 0 && quantity <= state.left) return []
  const detail = `of line ${line} only ${state.left} are left`
  return [{ field: `items.${place}.quantity`, detail }]
}
