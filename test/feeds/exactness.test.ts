import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterEach, expect, test } from 'vitest'
import type { Queryable } from '../../src/db/connection.ts'
import type { RunningServer } from '../../src/server/server.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { expectAsFromScratch, readFeeds } from './from-scratch.ts'
import { type FeedItem, gzip, poll, pollItems } from './polls.ts'
import { startAnother } from './servers.ts'

const runMs = 6000

let one: TestServer
let other: RunningServer
let stopAt = 0

async function start(listPieceBytes: number): Promise<void> {
  one = await startTestServer({ feedsPublic: true, feedWaitMs: 15_000 }, { listPieceBytes })
  other = await startAnother(one.database.url, {}, { listPieceBytes })
  const { db } = one.database
  await db.execute(sql`
    insert into stores (id, title) select 's' || n, 'Store ' || n from generate_series(1, 20) n`)
  await db.execute(sql`
    insert into products (id, title) select 'p' || n, 'Product ' || n from generate_series(1, 1500) n`)
  await db.execute(sql`
    insert into product_stores select 'p' || n, 's' || 1 + n % 20 from generate_series(1, 1500) n`)
  await db.execute(sql`insert into stores (id, title) values ('all', 'Sells almost everything')`)
  await db.execute(sql`
    insert into product_stores select 'p' || n, 'all' from generate_series(1, 1500) n where n % 9 > 0`)
  stopAt = performance.now() + runMs
}
afterEach(async () => {
  await other.stop()
  await one.stop()
})

const anyUrl = () => (randomInt(2) === 0 ? one.url : other.url)
const readProducts = () => pollItems(`${anyUrl()}/feeds/products.json`)
const find = (items: FeedItem[], id: string) => items.find((item) => item.$id === id)
const isTime = () => performance.now() < stopAt

/** At least twice, however slow the machine. */
async function repeat(write: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < 2 || isTime(); round++) await write(round)
}

/** Over REST, with links. */
function putter(writer: number) {
  return repeat(async (round) => {
    const id = `put-${writer}-${round % 3}`
    const body = { title: `Round ${round}`, store_ids: [`s${1 + (round % 9)}`] }
    expect((await one.ask('PUT', `/v1/products/${id}`, body)).status).toBeLessThan(300)
    expect(find(await readProducts(), id)).toMatchObject({
      $title: `Round ${round}`,
      store_ids: `s${1 + (round % 9)}`,
    })
  })
}

/** A hundred products in one batch. */
const importer = () =>
  repeat(async (round) => {
    const ids = Array.from({ length: 100 }, (_, place) => `batch-${place}`)
    const products = ids.map((id) => ({ id, title: `Batch ${round}`, price: round }))
    expect((await one.ask('POST', '/v1/products/batch', { products })).status).toBe(200)
    const items = await readProducts()
    for (const id of ids) expect(find(items, id)?.$title).toBe(`Batch ${round}`)
  })

/** By plain SQL, in transactions that take their time, so that they commit in another order than they write. */
function slowWriter(writer: number) {
  return repeat(async (round) => {
    const id = `p${100 + writer}`
    const title = `Slow ${round}`
    const isKept = round % 4 !== 3
    const before = find(await readProducts(), id)?.$title
    await transaction(isKept, async (tx) => {
      await tx.execute(sql`update products set title = ${title} where id = ${id}`)
      await delay(randomInt(120))
    })
    expect(find(await readProducts(), id)?.$title).toBe(isKept ? title : before)
  })
}

class Undone extends Error {}

async function transaction(isKept: boolean, work: (tx: Queryable) => Promise<void>): Promise<void> {
  await one.database.db
    .transaction(async (tx) => {
      await work(tx)
      if (!isKept) throw new Undone()
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error
    })
}

/** Stores that come, sell half of what there is, close, open, and go, with all their links by cascade. */
const cascader = () =>
  repeat(async (round) => {
    const { db } = one.database
    const id = `cascade-${round}`
    await db.transaction(async (tx) => {
      await tx.execute(sql`insert into stores (id, title) values (${id}, 'Here today')`)
      await tx.execute(
        sql`insert into product_stores select id, ${id} from products where hash % 2 = 0 and id ~ '^p[0-9]'`,
      )
    })
    const sellers = async () =>
      (await readProducts()).filter((item) => String(item.store_ids).split(',').includes(id)).length
    expect(await sellers()).toBeGreaterThan(500)
    await db.execute(sql`update stores set published = false where id = ${id}`)
    expect(await sellers()).toBe(0)
    await db.execute(sql`update stores set published = true where id = ${id}`)
    expect(await sellers()).toBeGreaterThan(500)
    await db.execute(sql`delete from stores where id = ${id}`)
    expect(await sellers()).toBe(0)
  })

/** One link at a time, of a store that sells almost everything. */
function linker(writer: number) {
  return repeat(async (round) => {
    const { db } = one.database
    const id = `p${10 * randomInt(1, 150) + writer}`
    const isIn = round % 2 === 0
    await db.execute(
      isIn
        ? sql`insert into product_stores values (${id}, 'all') on conflict do nothing`
        : sql`delete from product_stores where product_id = ${id} and store_id = 'all'`,
    )
    const store = find(await pollItems(`${anyUrl()}/feeds/stores.json`), 'all')
    expect(String(store?.product_ids).split(',').includes(id)).toBe(isIn)
  })
}

/** What every poll must be: fresh, well formed, of a version no older than the last. */
function poller(url: string, file: string) {
  let last = 0
  return repeat(async () => {
    const { status, headers, text } = await poll(`${url}/feeds/${file}`, { headers: gzip })
    expect([status, headers['x-feed-state']]).toEqual([200, 'fresh'])
    const version = Number(headers['x-feed-version'])
    expect(version).toBeGreaterThanOrEqual(last)
    last = version
    const count = file.endsWith('json') ? JSON.parse(text).length : text.split('</id>').length - 1
    expect(count).toBe(Number(headers['x-feed-items']))
  })
}

test.each([
  ['whole', 16_384],
  ['in pieces of 200 bytes', 200],
])(
  'with lists stored %s polls hold what was committed before they began, and the last is as if made from nothing',
  async (_, pieceBytes) => {
    await start(pieceBytes)
    await Promise.all([
      putter(1),
      putter(2),
      importer(),
      slowWriter(1),
      slowWriter(2),
      slowWriter(3),
      cascader(),
      linker(1),
      linker(2),
      poller(one.url, 'products.json'),
      poller(other.url, 'products.xml'),
      poller(other.url, 'stores.json'),
      poller(one.url, 'stores.xml'),
    ])

    const served = await readFeeds(one.url)
    expect(await readFeeds(other.url)).toEqual(served)
    await expectAsFromScratch(served, one.database)
  },
)
