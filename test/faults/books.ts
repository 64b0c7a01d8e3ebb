/** In charge of the books after a storm: what was acknowledged against what is there, and what was written against what arrived. */
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/db/connection.ts'
import type { RunningSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import type { Ledger } from './ledger.ts'

/** Acknowledged writes that are not there, or that something older has overwritten. */
export async function findLost(db: Database, ledger: Ledger): Promise<string[]> {
  const { products, orders, links } = ledger
  const numbers = await mapOf(db, sql`select id as key, price::int as value from products`)
  const kept = await mapOf(
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
      .filter(([id, { acknowledged, tried }]) => {
        const found = numbers.get(id) ?? 0
        return found < acknowledged || found > tried
      })
      .map(([id, entry]) => `${id} is v${numbers.get(id)} and not ${JSON.stringify(entry)}`),
    ...[...orders].flatMap(([id, { acknowledged, fulfilled }]) => [
      ...(acknowledged && !kept.get(id) ? [`order ${id}`] : []),
      ...(fulfilled && !updates.has(id) ? [`fulfilment of ${id}`] : []),
    ]),
    ...[...links].filter((link) => !linked.has(link)).map((link) => `link ${link}`),
  ]
}

async function mapOf(db: Database, query: ReturnType<typeof sql>): Promise<Map<string, number>> {
  const rows = await db.execute<{ key: string; value: number }>(query)
  return new Map(rows.map(({ key, value }) => [key, value]))
}

type Books = {
  /** By order, its events in the order of its history. */
  written: Record<string, string[]>
  arrived: Record<string, string[]>
}

/** What each order, with its items and updates, has to tell; and what Klaviyo recorded, in the order in which it came. */
export async function readBooks(db: Database, { state }: RunningSandbox): Promise<Books> {
  const rows = await db.execute<{ order_id: string; events: string }>(sql`
    select o.id as order_id, concat_ws(', ', 'Placed Order',
      (select string_agg('Ordered Product', ', ') from order_items where order_id = o.id),
      (select string_agg('Fulfilled Order', ', ') from order_updates where order_id = o.id)) as events
    from orders o`)
  const { byOrder } = state.account.journal
  return {
    written: Object.fromEntries(rows.map(({ order_id, events }) => [order_id, events.split(', ')])),
    arrived: Object.fromEntries(
      [...byOrder].map(([id, entries]) => [id, entries.map(({ metric }) => metric)]),
    ),
  }
}
