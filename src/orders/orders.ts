import { sql } from 'drizzle-orm'
import { inTurns } from '../customers/customer-turns.ts'
import { resolveCustomers } from '../customers/record-customers.ts'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { RetryTransaction } from '../db/postgres-error.ts'
import { orderItems, orders } from '../db/schema/orders.ts'
import { digestOf } from '../lib/digest.ts'
import { AppError } from '../lib/errors.ts'
import { groupBy } from '../lib/group-by.ts'
import { amendOrder, findConflict, type StoredOrder } from './amend-order.ts'
import { amountsFit } from './amounts-fit.ts'
import type { OrderInput } from './order-input.ts'
import { getOrder } from './order-reads.ts'
import type { Order } from './order-schemas.ts'

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
    const [change] = await writeOrders(tx, [input], defaults)
    if (change instanceof AppError) throw change
    return { order: await getOrder(tx, input.id), created: change === 'created' }
  })
}

/** What is to be recorded, as it was given and what it means. */
type Draft = { given: OrderInput; input: NormalizedOrder; digest: string; position: number }

/** Part of the caller's transaction. Returns what became of each; an order that is rejected writes nothing. */
export async function writeOrders(
  tx: Queryable,
  given: readonly OrderInput[],
  defaults: { currency: string },
): Promise<(OrderChange | AppError)[]> {
  const drafts = given.map((one, position) => {
    const input = normalize(one, defaults.currency)
    return { given: one, input, digest: digestOf(input), position }
  })
  const repeats = await findRepeats(tx, drafts)
  const written = await inTurns(
    tx,
    drafts.filter((draft) => !repeats.has(draft)),
    concernOf,
    (turn) => writeTurn(tx, turn),
  )
  return drafts.map((draft) =>
    repeats.has(draft) ? 'unchanged' : (written.shift() ?? 'unchanged'),
  )
}

const concernOf = ({ given: { id, customer, placed_at } }: Draft) => ({
  customer,
  at: placed_at ?? undefined,
  writes: id,
})

/** Drafts of a batch that change nothing, found without a lock. Where an id is there twice, what comes first decides. */
async function findRepeats(tx: Queryable, drafts: readonly Draft[]): Promise<Set<Draft>> {
  if (drafts.length < 2) return new Set()
  const stored = await findOrders(tx, drafts)
  const repeats = [...groupBy(drafts, ({ input }) => input.id).values()].filter(
    ([draft, ...others]) => draft && others.length === 0 && isRepeat(stored, draft),
  )
  return new Set(repeats.flat())
}

/** Each order once. */
async function writeTurn(
  tx: Queryable,
  drafts: readonly Draft[],
): Promise<(OrderChange | AppError)[]> {
  const found = await findOrders(tx, drafts)
  const results = new Map<Draft, OrderChange | AppError>()
  for (const draft of drafts) {
    const stored = found.get(draft.input.id)
    if (isRepeat(found, draft)) results.set(draft, 'unchanged')
    else if (stored) {
      const conflict = await findConflict(tx, stored, draft.given)
      if (conflict) results.set(draft, conflict)
    }
  }
  const pending = await withCustomers(
    tx,
    drafts.filter((draft) => !results.has(draft)),
    found,
  )
  const created = pending.filter(({ input }) => !found.has(input.id))
  await insertOrders(tx, created)
  await insertItems(tx, created)
  for (const { draft } of created) results.set(draft, 'created')
  const known = pending.filter(({ input }) => found.has(input.id))
  for (const [draft, change] of await amendOrders(tx, known)) results.set(draft, change)
  return drafts.map((draft) => results.get(draft) ?? 'unchanged')
}

type PendingOrder = Draft & { draft: Draft; customerId: string | null }

async function withCustomers(
  tx: Queryable,
  drafts: readonly Draft[],
  found: ReadonlyMap<string, StoredOrder>,
): Promise<PendingOrder[]> {
  const statements = drafts.flatMap(({ given: { id, customer, placed_at }, position }) =>
    customer ? { customer, at: placed_at ?? found.get(id)?.placed_at, position } : [],
  )
  const customers = await resolveCustomers(tx, statements)
  return drafts.map((draft) => {
    const customerId = draft.given.customer ? (customers.shift()?.id ?? null) : null
    return { ...draft, draft, customerId }
  })
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
function isRepeat(stored: ReadonlyMap<string, StoredOrder>, { input, digest }: Draft): boolean {
  const found = stored.get(input.id)
  return found !== undefined && (found.erased || found.digest === digest)
}

/** By their ids; a lock is taken in their order. */
async function findOrders(
  tx: Queryable,
  drafts: readonly { input: NormalizedOrder }[],
  lock = sql``,
): Promise<Map<string, StoredOrder>> {
  const ids = drafts.map(({ input }) => input.id)
  const rows = await tx.execute<StoredOrder & { id: string }>(sql`
    select id, digest, erased_at is not null as erased, placed_at, customer_id, store_id, currency, warnings
    from ${orders} where id = any(${textArray(ids)}) order by id ${lock}`)
  return new Map(rows.map((row) => [row.id, row]))
}

/** An order that another transaction recorded meanwhile is found when this one runs again. */
async function insertOrders(tx: Queryable, pending: readonly PendingOrder[]): Promise<void> {
  if (pending.length === 0) return
  const rows = pending.map(({ input, customerId, digest }) => {
    const { customer, items, ...given } = input
    return { ...given, metadata: given.metadata ?? {}, customer_id: customerId, digest }
  })
  const inserted = await tx.execute(sql`
    insert into ${orders} (id, customer_id, store_id, placed_at, currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest)
    select id, customer_id, store_id, coalesce(placed_at, now()), currency, total, billing_address,
      shipping_address, discount_code, discount_value, metadata, digest
    from jsonb_populate_recordset(null::${orders}, ${JSON.stringify(rows)}::jsonb) order by id
    on conflict (id) do nothing returning id`)
  if (inserted.length < rows.length)
    throw new RetryTransaction('an order was recorded concurrently')
}

async function insertItems(tx: Queryable, pending: readonly PendingOrder[]): Promise<void> {
  const rows = pending.flatMap(({ input: { id, items } }) =>
    items.map((item) => ({ ...item, order_id: id })),
  )
  if (rows.length === 0) return
  const writing = tx.execute(sql`
    insert into ${orderItems} (order_id, line, product_id, sku, product_name, quantity, item_price,
      row_total, returned_order_id, brand, categories, image_link)
    select order_id, line, product_id, sku, product_name, quantity, item_price, row_total,
      returned_order_id, brand, categories, image_link
    from jsonb_populate_recordset(null::${orderItems}, ${JSON.stringify(rows)}::jsonb) order by order_id, line`)
  await amountsFit(writing)
}

/** Under the orders' locks. */
async function amendOrders(
  tx: Queryable,
  pending: readonly PendingOrder[],
): Promise<Map<Draft, OrderChange>> {
  const changes = new Map<Draft, OrderChange>()
  if (pending.length === 0) return changes
  const locked = await findOrders(tx, pending, sql`for no key update`)
  for (const { draft, input, customerId, digest } of pending) {
    const stored = locked.get(input.id)
    const change =
      !stored || isRepeat(locked, draft)
        ? 'unchanged'
        : await amendOrder(tx, input, { customerId, digest, warnings: stored.warnings })
    changes.set(draft, change)
  }
  return changes
}
