/** Writes while faults are injected: by REST as an online shop does, and by SQL as a point of sale does. */
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type pg from 'pg'
import type { Database } from '../../src/db/connection.ts'
import { openClient } from '../support/postgres-client.ts'
import { requestServer } from './http-client.ts'
import type { SupervisedServer } from './supervisor.ts'
import { nextVersion, type WriteLog } from './write-log.ts'

export type Workload = {
  servers: readonly [SupervisedServer, SupervisedServer]
  key: string
  /** Not through the proxy: the point of sale connects to Postgres directly. */
  posUrl: string
  writeLog: WriteLog
  signal: AbortSignal
}

const pauseMs = 25
const productsEach = 25
const storeCount = 8
const maxAttempts = 4

/** The stores and the customer that the writers refer to, and products that two of the stores sell. */
export async function seedWorkload(db: Database): Promise<void> {
  await db.execute(sql`
    insert into stores (id, title) select 's' || n, 'Store ' || n from generate_series(0, ${storeCount}) n`)
  // Their ids make lists so long that they are stored in pieces.
  await db.execute(sql`
    insert into products (id, title, description, price)
    select id, id || ' v0', id || ' v0', 0 from (select rpad('long-' || n || '-', 240, 'x') as id from generate_series(1, 100) n) l`)
  await db.execute(
    sql`insert into product_stores select p.id, s.id from products p, stores s where p.id like 'long-%' and s.id in ('s1', 's2')`,
  )
  await db.execute(sql`insert into customers (id, email) values ('c-pos', 'pos@klaviyo-demo.com')`)
}

export function startWriters(workload: Workload): Promise<unknown> {
  return Promise.all([
    writeProducts(workload, 'a'),
    writeProducts(workload, 'b'),
    writeOrders(workload, 'x'),
    writeOrders(workload, 'y'),
    writeAsPos(workload),
  ])
}

/** True when it was acknowledged. Anything but a success, a 503 with Retry-After or a broken connection is wrong. */
async function put(workload: Workload, turn: number, path: string, body: object, method = 'PUT') {
  const { servers, key, writeLog } = workload
  const headers = { Authorization: `Bearer ${key}` }
  const server = servers[turn % 2 === 0 ? 0 : 1]
  const response = await requestServer(server, path, { method, headers, body }).catch(
    (error: Error) => void writeLog.wrong.push(`${method} ${path}: ${error.message}`),
  )
  if (!response) {
    writeLog.counts.unacknowledged++
    await delay(50)
    return false
  }
  writeLog.slowestMs.write = Math.max(writeLog.slowestMs.write, response.ms)
  if (response.status >= 200 && response.status < 300) {
    writeLog.counts.acknowledged++
    return true
  }
  writeLog.counts.unacknowledged++
  if (response.status !== 503 || !response.headers['retry-after'])
    writeLog.wrong.push(`${method} ${path}: ${response.status} ${response.body}`)
  return false
}

async function writeProducts(workload: Workload, name: string): Promise<void> {
  for (let turn = 0; !workload.signal.aborted; turn++) {
    const id = `${name}${turn % productsEach}`
    const { version, acknowledge } = nextVersion(workload.writeLog, id)
    const title = `${id} v${version}`
    const written = await put(workload, turn, `/v1/products/${id}`, {
      title,
      description: title,
      price: version,
    })
    if (process.env.TRACE)
      process.stdout.write(`${new Date().toISOString()} ${title} ${written} via ${turn % 2}\n`)
    if (written) acknowledge()
    if (written && turn % 5 === 0) {
      const store = `s${turn % storeCount}`
      const linked = await put(workload, turn + 1, `/v1/products/${id}/stores/${store}`, {})
      if (linked) workload.writeLog.links.add(`${id} ${store}`)
    }
    await delay(pauseMs)
  }
}

/** An order is retried until it is acknowledged, as its id makes PUT idempotent; but only a few times. */
async function writeOrders(workload: Workload, name: string): Promise<void> {
  for (let turn = 0; !workload.signal.aborted; turn++) {
    const id = `o-${name}${turn}`
    const order = {
      placed_at: new Date().toISOString(),
      total: 30,
      customer: { id: `c-${name}${turn % 20}`, email: `${name}${turn % 20}@klaviyo-demo.com` },
      items: [
        { product_id: 'a1', sku: 'SKU-1', item_price: 10 },
        { product_id: 'b1', sku: 'SKU-2', item_price: 20 },
      ],
    }
    const entry = { acknowledged: false, fulfilled: false }
    workload.writeLog.orders.set(id, entry)
    entry.acknowledged = await retry(workload, (attempt) =>
      put(workload, turn + attempt, `/v1/orders/${id}`, order),
    )
    if (entry.acknowledged && turn % 2 === 0)
      entry.fulfilled = await retry(workload, (attempt) =>
        put(workload, turn + attempt, `/v1/orders/${id}/fulfillments`, { id: 'f1' }, 'POST'),
      )
    await delay(pauseMs)
  }
}

async function retry(
  { signal }: Workload,
  work: (attempt: number) => Promise<boolean>,
): Promise<boolean> {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (await work(attempt)) return true
    if (!signal.aborted) await delay(200)
  }
  return false
}

/** One round trip for each sale; when the connection breaks, the outcome of the commit is unknown. */
async function writeAsPos({ posUrl, writeLog, signal }: Workload): Promise<void> {
  let client: pg.Client | undefined
  for (let turn = 0; !signal.aborted; turn++) {
    const id = `t${turn % productsEach}`
    const { version, acknowledge } = nextVersion(writeLog, id)
    const order = { acknowledged: false, fulfilled: false }
    writeLog.orders.set(`o-pos${turn}`, order)
    try {
      client ??= await openClient(posUrl)
      await client.query(sale(id, version, `o-pos${turn}`))
      acknowledge()
      order.acknowledged = true
      writeLog.counts.acknowledged++
    } catch {
      writeLog.counts.unacknowledged++
      await client?.end()
      client = undefined
      await delay(100)
    }
    await delay(2 * pauseMs)
  }
  await client?.end()
}

const sale = (product: string, version: number, order: string) => `begin;
insert into products (id, title, description, price) values ('${product}', '${product} v${version}', '${product} v${version}', ${version})
on conflict (id) do update set title = excluded.title, description = excluded.description, price = excluded.price;
insert into orders (id, customer_id, currency, total) values ('${order}', 'c-pos', 'USD', 5);
insert into order_items (order_id, product_id, sku, item_price) values ('${order}', '${product}', 'SKU-1', 5);
commit`
