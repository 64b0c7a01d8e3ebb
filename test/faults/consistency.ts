/** Compares acknowledged writes with the database, and written events with those that Klaviyo recorded. */
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { expect } from 'vitest'
import type { Database } from '../../src/db/connection.ts'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { poll } from '../feeds/polls.ts'
import type { SupervisedServer } from './supervisor.ts'
import type { WriteLog } from './write-log.ts'

/** Acknowledged writes that are missing, or overwritten by older ones. */
export async function findLostWrites(db: Database, writeLog: WriteLog): Promise<string[]> {
  const { products, orders, links } = writeLog
  const versions = await mapOf(db, sql`select id as key, price::int as value from products`)
  const itemCounts = await mapOf(
    db,
    sql`select o.id as key, count(i.line)::int as value from orders o left join order_items i on i.order_id = o.id group by o.id`,
  )
  const updates = await mapOf(
    db,
    sql`select order_id as key, count(*)::int as value from order_updates group by order_id`,
  )
  const linked = await mapOf(
    db,
    sql`select product_id || ' ' || store_id as key, 1 as value from product_stores`,
  )
  return [
    ...[...products]
      .filter(([id, { acknowledged, attempted }]) => {
        const found = versions.get(id) ?? 0
        return found < acknowledged || found > attempted
      })
      .map(([id, entry]) => `${id} is v${versions.get(id)} and not ${JSON.stringify(entry)}`),
    ...[...orders].flatMap(([id, { acknowledged, fulfilled }]) => [
      ...(acknowledged && !itemCounts.get(id) ? [`order ${id}`] : []),
      ...(fulfilled && !updates.has(id) ? [`fulfilment of ${id}`] : []),
    ]),
    ...[...links].filter((link) => !linked.has(link)).map((link) => `link ${link}`),
  ]
}

async function mapOf(db: Database, query: ReturnType<typeof sql>): Promise<Map<string, number>> {
  const rows = await db.execute<{ key: string; value: number }>(query)
  return new Map(rows.map(({ key, value }) => [key, value]))
}

type EventsByOrder = {
  /** By order, in chronological order. */
  written: Record<string, string[]>
  recorded: Record<string, string[]>
}

/** The metrics that each order, its items and its updates should send; and those that Klaviyo recorded, in order of arrival. */
export async function readEvents(db: Database, { state }: RunningSandbox): Promise<EventsByOrder> {
  const rows = await db.execute<{ order_id: string; events: string }>(sql`
    select o.id as order_id, concat_ws(', ', 'Placed Order',
      (select string_agg('Ordered Product', ', ') from order_items where order_id = o.id),
      (select string_agg('Fulfilled Order', ', ') from order_updates where order_id = o.id)) as events
    from orders o`)
  const { byOrder } = state.account.eventLog
  return {
    written: Object.fromEntries(rows.map(({ order_id, events }) => [order_id, events.split(', ')])),
    recorded: Object.fromEntries(
      [...byOrder].map(([id, entries]) => [id, entries.map(({ metric }) => metric)]),
    ),
  }
}

/** Shortens the back-off, which could last minutes. */
export async function untilSent(db: Database): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const [row] = await db.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting from outbox where status = 'pending'`)
    if (row?.waiting === 0) return
    if (Date.now() > deadline) throw new Error(`${row?.waiting} messages were not sent`)
    await db.execute(sql`
      update outbox set next_at = now() where status = 'pending' and next_at > now() + interval '2 seconds'`)
    await delay(250)
  }
}

const feeds = ['products.json', 'products.xml', 'stores.json', 'stores.xml']

/** Incrementally updated feeds must equal feeds rebuilt from nothing. */
export async function expectFeedsAsRebuilt(
  db: Database,
  servers: readonly SupervisedServer[],
  key: string,
): Promise<void> {
  const read = async () => {
    const texts: Record<string, string> = {}
    for (const { url } of servers) {
      for (const feed of feeds) {
        const { headers, text } = await poll(`${url}/feeds/${feed}?key=${key}`)
        expect(headers['x-feed-state']).toBe('fresh')
        expect(texts[feed] ?? text).toBe(text)
        texts[feed] = text
      }
    }
    return texts
  }
  const updated = await read()
  await db.execute(sql`delete from feed_chunks`)
  await db.execute(sql`delete from feed_state`)
  expect(await read()).toEqual(updated)
}
