/** Fulfilments, cancellations and refunds of an order, each recorded once. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { type LineQuantity, orders, orderUpdates, type UpdateKind } from '../db/schema/orders.ts'
import { digestOf } from '../lib/digest.ts'
import { AppError, notFound, recordNotFound } from '../lib/errors.ts'
import { groupBy } from '../lib/group-by.ts'
import type { UpdateInput } from './order-input.ts'
import type { OrderUpdate } from './order-schemas.ts'
import { fillQuantities, findLines } from './update-lines.ts'

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
    const [created] = await writeUpdates(tx, [{ orderId, kind, input }], 'reject')
    if (created instanceof AppError) throw created
    return {
      update: await getUpdate(tx, { orderId, kind, id: input.id }),
      created: created === true,
    }
  })
}

export type NewUpdate = { orderId: string; kind: UpdateKind; input: UpdateInput }

/** Part of the caller's transaction. Returns of each whether it is new, or why it is rejected. */
export async function writeUpdates(
  tx: Queryable,
  updates: readonly NewUpdate[],
  beyondLeft: BeyondLeft,
): Promise<(boolean | AppError)[]> {
  const erased = await lockOrders(tx, updates)
  const results = new Map<NewUpdate, boolean | AppError>()
  for (const turn of turnsByOrder(updates)) {
    const written = await writeTurn(tx, turn, erased, beyondLeft)
    for (const [n, update] of turn.entries()) results.set(update, written[n] ?? false)
  }
  return updates.map((update) => results.get(update) ?? false)
}

/** The orders there are, locked in the order of their ids, and whether their customer was erased. */
async function lockOrders(
  tx: Queryable,
  updates: readonly NewUpdate[],
): Promise<Map<string, boolean>> {
  const ids = [...new Set(updates.map(({ orderId }) => orderId))]
  const rows = await tx.execute<{ id: string; erased: boolean }>(sql`
    select id, erased_at is not null as erased from ${orders} where id = any(${textArray(ids)})
    order by id for no key update`)
  return new Map(rows.map(({ id, erased }) => [id, erased]))
}

/** Each order once in a turn: what is left of it depends on its earlier updates. */
function turnsByOrder(updates: readonly NewUpdate[]): NewUpdate[][] {
  const turns: NewUpdate[][] = []
  for (const ofOrder of groupBy(updates, ({ orderId }) => orderId).values())
    for (const [turn, update] of ofOrder.entries()) turns[turn] = [...(turns[turn] ?? []), update]
  return turns
}

async function writeTurn(
  tx: Queryable,
  updates: readonly NewUpdate[],
  erased: ReadonlyMap<string, boolean>,
  beyondLeft: BeyondLeft,
): Promise<(boolean | AppError)[]> {
  const digests = await findDigests(tx, updates)
  const known = updates.map((update) => findKnown(update, digests, erased))
  const pending = updates.filter((_, n) => known[n] === undefined)
  const filled = await fillUpdates(tx, pending, beyondLeft)
  const written = filled.flatMap((update) => (update instanceof AppError ? [] : update))
  await insertUpdates(tx, written)
  return known.map((result) => {
    if (result !== undefined) return result
    const update = filled.shift()
    return update instanceof AppError ? update : true
  })
}

/** Why the update is not to be written: false where it is recorded. */
function findKnown(
  update: NewUpdate,
  digests: ReadonlyMap<string, string | null>,
  erased: ReadonlyMap<string, boolean>,
): false | AppError | undefined {
  const isErased = erased.get(update.orderId)
  return isErased === undefined
    ? notFound('order', update.orderId)
    : repeatOf(update, digests, isErased)
}

/** With the quantities of their lines, or why they are rejected. */
async function fillUpdates(
  tx: Queryable,
  updates: readonly NewUpdate[],
  beyondLeft: BeyondLeft,
): Promise<(FilledUpdate | AppError)[]> {
  const lines = await findLines(
    tx,
    updates.filter(({ input }) => input.items),
  )
  const filled: (FilledUpdate | AppError)[] = []
  for (const update of updates) {
    const items = fillQuantities(update, lines)
    if (items instanceof AppError) filled.push(items)
    else filled.push((await findExcess(tx, update, items, beyondLeft)) ?? { ...update, items })
  }
  return filled
}

type FilledUpdate = NewUpdate & { items: LineQuantity[] | null }

type UpdateKey = { orderId: string; kind: UpdateKind; id: string }

const keyOf = ({ orderId, kind, input: { id } }: NewUpdate) => JSON.stringify([orderId, kind, id])

/** Of the updates that are recorded; null where erasing their customer deleted it. */
async function findDigests(
  tx: Queryable,
  updates: readonly NewUpdate[],
): Promise<Map<string, string | null>> {
  const keys = updates.map(({ orderId, kind, input: { id } }) => ({ order_id: orderId, kind, id }))
  const rows = await tx.execute<{
    order_id: string
    kind: UpdateKind
    id: string
    digest: string | null
  }>(sql`
    select order_id, kind, id, digest from ${orderUpdates}
    join jsonb_to_recordset(${JSON.stringify(keys)}::jsonb)
      as given(order_id text collate "C", kind text, id text collate "C") using (order_id, kind, id)`)
  return new Map(
    rows.map(({ order_id, kind, id, digest }) => [JSON.stringify([order_id, kind, id]), digest]),
  )
}

/** Erasing a customer deletes the digests of the order's updates: from then on the id alone makes a repeat. */
function repeatOf(
  update: NewUpdate,
  digests: ReadonlyMap<string, string | null>,
  erased: boolean,
): false | AppError | undefined {
  const digest = digests.get(keyOf(update))
  if (digest === undefined) return undefined
  if ((erased && digest === null) || digest === digestOf(update.input)) return false
  return new AppError('conflict', `"${update.input.id}" is already recorded with other content.`, [
    { field: 'id', detail: 'is used by an update of this order with other content' },
  ])
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

async function insertUpdates(tx: Queryable, updates: readonly FilledUpdate[]): Promise<void> {
  if (updates.length === 0) return
  const rows = updates.map(({ orderId, kind, input, items }) => ({
    ...input,
    items,
    order_id: orderId,
    kind,
    digest: digestOf(input),
  }))
  await tx.execute(sql`
    insert into ${orderUpdates} (order_id, kind, id, occurred_at, reason, value, items,
      tracking_number, tracking_company, shipping_method, digest)
    select order_id, kind, id, coalesce(occurred_at, now()), reason, value, items,
      tracking_number, tracking_company, shipping_method, digest
    from jsonb_populate_recordset(null::${orderUpdates}, ${JSON.stringify(rows)}::jsonb) order by order_id`)
}

/** The error where the value is more than is left. A trigger decides by the same function what an update without a value is worth. */
async function findExcess(
  tx: Queryable,
  { orderId, kind, input: { id, value } }: NewUpdate,
  items: LineQuantity[] | null,
  beyondLeft: BeyondLeft,
): Promise<AppError | undefined> {
  if (beyondLeft === 'record' || value == null) return undefined
  const lines = items && JSON.stringify(items)
  const [row] = await tx.execute<{ most: number; currency: string }>(sql`
    select most::float8, currency from ${orders}, order_update_left(id, ${kind}, ${lines}::jsonb, ${id})
    where id = ${orderId} and ${value}::numeric > most`)
  if (!row) return undefined
  const rest = items ? 'of these lines' : 'of the order'
  return new AppError('invalid', `The value is more than what is left to be ${kind}.`, [
    { field: 'value', detail: `only ${row.most} ${row.currency} ${rest} is left, got ${value}` },
  ])
}
