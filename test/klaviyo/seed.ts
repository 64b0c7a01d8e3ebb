/** Orders to send, written by plain SQL as a point of sale would. */
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/db/connection.ts'

/** A share of Klaviyo's limits for a sandbox without limits. */
export const unlimited = 1_000

export const silent = { info: () => {}, warn: () => {}, error: () => {} }

/** Each order has two items and, with `fulfilled`, a fulfillment: 3 or 4 messages. */
export async function seedOrders(
  db: Database,
  count: number,
  { fulfilled = false, prefix = 'o' }: { fulfilled?: boolean; prefix?: string } = {},
): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`insert into stores (id, title, city, country_code)
      values ('1212', 'Boston store', 'Boston', 'US') on conflict do nothing`)
    await tx.execute(sql`insert into products (id, title)
      values ('p1', 'Dutch oven'), ('p2', 'Dutch oven') on conflict do nothing`)
    await tx.execute(sql`insert into customers (id, email, first_name, phone_number)
      select ${prefix}::text || n, ${prefix}::text || n || '@klaviyo-demo.com', 'Jo', '617 555 0100'
      from generate_series(1, ${count}::int) n`)
    await tx.execute(sql`insert into orders (id, customer_id, store_id, currency, total)
      select ${prefix}::text || n, ${prefix}::text || n, '1212', 'USD', 20.5 from generate_series(1, ${count}::int) n`)
    await tx.execute(sql`insert into order_items (order_id, line, product_id, sku, product_name, quantity, item_price, brand, categories)
      select ${prefix}::text || n, line, 'p' || line, 'SKU-' || line, 'Dutch oven', 1, 10.25, 'Le Creuset', array['Kitchen', 'Cooking']
      from generate_series(1, ${count}::int) n, generate_series(1, 2) line`)
    if (fulfilled)
      await tx.execute(sql`insert into order_updates (order_id, kind, id)
        select ${prefix}::text || n, 'fulfilled', 'f1' from generate_series(1, ${count}::int) n`)
  })
}

/** How many messages have each status. */
export async function statuses(db: Database): Promise<Record<string, number>> {
  const rows = await db.execute<{ status: string; count: number }>(
    sql`select status, count(*)::int as count from outbox group by status`,
  )
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]))
}
