/** The plain way to serve a feed, as a peer: a Hono route that selects everything and answers JSON. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { sql } from 'drizzle-orm'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import type { Database } from '../../src/db/connection.ts'

export async function startPlain(
  db: Database,
  port: number,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const app = new Hono()
  app.use(compress())
  app.get('/feed.json', async (c) => {
    const rows = await db.execute(sql`
      select p.id as "$id", p.title as "$title", p.link as "$link", p.description as "$description", p.price::float8 as price,
        p.image_link as "$image_link", p.categories, string_agg(l.store_id, ',' order by l.store_id) as store_ids
      from products p left join product_stores l on l.product_id = p.id group by p.id`)
    return c.json(rows)
  })
  const server = createServer(getRequestListener(app.fetch)).listen(port, '127.0.0.1')
  await once(server, 'listening')
  async function stop() {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${port}/feed.json`, stop }
}
