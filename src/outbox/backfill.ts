/** In charge of history: making sure that every order of a period, with its items and updates, has its messages. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { orders, orderUpdates } from '../db/schema/orders.ts'
import { outbox } from '../db/schema/outbox.ts'
import { withoutContent } from './outbox.ts'

/** ISO 8601 with an offset; null is without end. `to` is not part of it. */
export type Period = { from: string | null; to: string | null }

export type Filling = { orders: number; messages: number }

const ordersAtOnce = 1_000

const within = (time: SQL, { from, to }: Period) =>
  sql`${time} >= coalesce(${from}::timestamptz, '-infinity') and ${time} < coalesce(${to}::timestamptz, 'infinity')`

/** Orders of people who were erased are no history. */
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
 * Writes the messages that are missing, and has those sent again that went elsewhere than to `url`,
 * as to a sandbox; all marked as history so that no flow of Klaviyo's fires.
 * Goes in small transactions of its own: it can be stopped anywhere, and doing it twice adds nothing.
 * Yields how far it is.
 */
export async function* enqueueBackfill(
  db: Queryable,
  period: Period,
  url: string,
): AsyncGenerator<Filling> {
  const done: Filling = { orders: 0, messages: 0 }
  let after = ''
  for (;;) {
    const rows = await db.execute<{ id: string }>(sql`
      select o.id from ${orders} o where o.id > ${after} and ${inPeriod(period)}
      order by o.id limit ${ordersAtOnce}`)
    const ids = rows.map(({ id }) => id)
    const last = ids.at(-1)
    if (last === undefined) return
    done.orders += ids.length
    done.messages += await fillOrders(db, ids, url)
    after = last
    yield { ...done }
  }
}

async function fillOrders(db: Queryable, ids: readonly string[], url: string): Promise<number> {
  const again = await db.execute(sql`
    update ${outbox} set status = 'pending', backfill = true, next_at = now(), settled_at = null, attempts = 0,
      ${withoutContent}
    where order_id in (
      select id from ${orders} where id = any(${textArray(ids)}) and erased_at is null order by id for share
    ) and status = 'sent' and sent_to is distinct from ${url}
    returning 1`)
  const [filled] = await db.execute<{ count: number }>(
    sql`select outbox_enqueue_missing(${textArray(ids)}, true)::int as count`,
  )
  return again.length + (filled?.count ?? 0)
}
