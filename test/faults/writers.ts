/** In charge of writing through a storm: by REST as a shop's program does, and by plain SQL as a till does; what is acknowledged is noted. */
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { openClient } from '../support/postgres-client.ts'
import { ask } from './ask.ts'
import { type Ledger, tryNext } from './ledger.ts'
import type { Supervised } from './supervised.ts'

export type Field = {
  servers: readonly [Supervised, Supervised]
  key: string
  /** Past the wire: the till is beside Postgres. */
  tillUrl: string
  ledger: Ledger
  signal: AbortSignal
}

const pauseMs = 25
const productsEach = 25
export const storeCount = 8
const tries = 4

export function startWriters(field: Field): Promise<unknown> {
  return Promise.all([
    writeProducts(field, 'a'),
    writeProducts(field, 'b'),
    writeOrders(field, 'x'),
    writeOrders(field, 'y'),
    writeAsTill(field),
  ])
}

/** True when it was acknowledged. Anything but an acknowledgement, a 503 that says when to come again, or a broken connection is wrong. */
async function put(field: Field, turn: number, path: string, body: object, method = 'PUT') {
  const { servers, key, ledger } = field
  const headers = { Authorization: `Bearer ${key}` }
  const answer = await ask(servers[turn % 2 === 0 ? 0 : 1], path, { method, headers, body }).catch(
    (error: Error) => void ledger.wrong.push(`${method} ${path}: ${error.message}`),
  )
  if (!answer) {
    ledger.counts.unacknowledged++
    await delay(50)
    return false
  }
  ledger.slowestMs.write = Math.max(ledger.slowestMs.write, answer.ms)
  if (answer.status >= 200 && answer.status < 300) {
    ledger.counts.acknowledged++
    return true
  }
  ledger.counts.unacknowledged++
  if (answer.status !== 503 || !answer.headers['retry-after'])
    ledger.wrong.push(`${method} ${path}: ${answer.status} ${answer.body}`)
  return false
}

async function writeProducts(field: Field, name: string): Promise<void> {
  for (let turn = 0; !field.signal.aborted; turn++) {
    const id = `${name}${turn % productsEach}`
    const { number, kept } = tryNext(field.ledger, id)
    const title = `${id} v${number}`
    const written = await put(field, turn, `/v1/products/${id}`, {
      title,
      description: title,
      price: number,
    })
    if (process.env.TRACE)
      process.stdout.write(`${new Date().toISOString()} ${title} ${written} via ${turn % 2}\n`)
    if (written) kept()
    if (written && turn % 5 === 0) {
      const store = `s${turn % storeCount}`
      const linked = await put(field, turn + 1, `/v1/products/${id}/stores/${store}`, {})
      if (linked) field.ledger.links.add(`${id} ${store}`)
    }
    await delay(pauseMs)
  }
}

/** An order is repeated until it is acknowledged, as its id makes that harmless; but not for ever. */
async function writeOrders(field: Field, name: string): Promise<void> {
  for (let turn = 0; !field.signal.aborted; turn++) {
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
    field.ledger.orders.set(id, entry)
    entry.acknowledged = await persist(field, (again) =>
      put(field, turn + again, `/v1/orders/${id}`, order),
    )
    if (entry.acknowledged && turn % 2 === 0)
      entry.fulfilled = await persist(field, (again) =>
        put(field, turn + again, `/v1/orders/${id}/fulfillments`, { id: 'f1' }, 'POST'),
      )
    await delay(pauseMs)
  }
}

async function persist(
  { signal }: Field,
  work: (again: number) => Promise<boolean>,
): Promise<boolean> {
  for (let again = 0; again < tries; again++) {
    if (await work(again)) return true
    if (!signal.aborted) await delay(200)
  }
  return false
}

/** One round trip each; whether a commit whose answer was lost took place, the till does not know. */
async function writeAsTill({ tillUrl, ledger, signal }: Field): Promise<void> {
  let client: pg.Client | undefined
  for (let turn = 0; !signal.aborted; turn++) {
    const id = `t${turn % productsEach}`
    const { number, kept } = tryNext(ledger, id)
    const order = { acknowledged: false, fulfilled: false }
    ledger.orders.set(`o-till${turn}`, order)
    try {
      client ??= await openClient(tillUrl)
      await client.query(sale(id, number, `o-till${turn}`))
      kept()
      order.acknowledged = true
      ledger.counts.acknowledged++
    } catch {
      ledger.counts.unacknowledged++
      await client?.end()
      client = undefined
      await delay(100)
    }
    await delay(2 * pauseMs)
  }
  await client?.end()
}

const sale = (product: string, number: number, order: string) => `begin;
insert into products (id, title, description, price) values ('${product}', '${product} v${number}', '${product} v${number}', ${number})
on conflict (id) do update set title = excluded.title, description = excluded.description, price = excluded.price;
insert into orders (id, customer_id, currency, total) values ('${order}', 'c-till', 'USD', 5);
insert into order_items (order_id, product_id, sku, item_price) values ('${order}', '${product}', 'SKU-1', 5);
commit`
