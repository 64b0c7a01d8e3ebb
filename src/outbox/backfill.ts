/** Makes sure that every order of a period, with its items and updates, has its messages. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { orders, orderUpdates } from '../db/schema/orders.ts'
import { outbox } from '../db/schema/outbox.ts'
import { asPending } from './requeue.ts'

/** ISO 8601 with an offset, `to` excluded; null is unbounded. */
export type Period = { from: string | null; to: string | null }

export type BackfillCounts = { orders: number; messages: number }

const ordersAtOnce = 1_000

const within = (time: SQL, { from, to }: Period) =>
  sql`${time} >= coalesce(${from}::timestamptz, '-infinity') and ${time} < coalesce(${to}::timestamptz, 'infinity')`

/** Without orders whose customers were erased. */
const inPeriod = (period: Period) => sql`o.erased_at is null and (
  ${within(sql`o.placed_at`, period)}
  or exists (select from ${orderUpdates} u where u.order_id = o.id and ${within(sql`u.occurred_at`, period)})
)`

export async function countBackfill(db: Queryable, period: Period): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from ${orders} o where ${inPeriod(period)}`,
  )
  return row?.count ?? 0
}

/**
 * Writes the messages that are missing, and requeues those that were sent elsewhere than to `url`,
 * such as to a sandbox; all marked as history so that they trigger no flow in Klaviyo.
 * Works in small transactions of its own: it can be stopped anywhere, and a second run adds nothing.
 * Yields its progress.
 */
export async function* enqueueBackfill(
  db: Queryable,
  period: Period,
  url: string,
): AsyncGenerator<BackfillCounts> {
  const done: BackfillCounts = { orders: 0, messages: 0 }
  let after = ''
  for (;;) {
    const rows = await db.execute<{ id: string }>(sql`
      select o.id from ${orders} o where o.id > ${after} and ${inPeriod(period)}
      order by o.id limit ${ordersAtOnce}`)
    const ids = rows.map(({ id }) => id)
    const last = ids.at(-1)
    if (last === undefined) return
    done.orders += ids.length
    done.messages += await enqueueOrders(db, ids, url)
    after = last
    yield { ...done }
  }
}

/** An order that is sent again contains its amendments. */
async function enqueueOrders(db: Queryable, ids: readonly string[], url: string): Promise<number> {
  const elsewhere = sql`status = 'sent' and sent_to is distinct from ${url}`
  await db.execute(sql`
    delete from ${outbox} where metric = 'adjusted_order' and order_id in (
      select order_id from ${outbox} where order_id = any(${textArray(ids)})
        and metric in ('placed_order', 'returned_order') and ${elsewhere}
    )`)
  const requeued = await db
    .update(outbox)
    .set({ ...asPending, backfill: true })
    .where(
      sql`order_id in (
        select id from ${orders} where id = any(${textArray(ids)}) and erased_at is null order by id for share
      ) and ${elsewhere}`,
    )
    .returning({ id: outbox.id })
  const [enqueued] = await db.execute<{ count: number }>(
    sql`select outbox_enqueue_missing(${textArray(ids)}, true)::int as count`,
  )
  return requeued.length + (enqueued?.count ?? 0)
}
