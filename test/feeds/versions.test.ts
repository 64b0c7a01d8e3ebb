import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { pollItems } from './polls.ts'
import { pollReader, startReader } from './readers.ts'
import { startAnother } from './servers.ts'
import { until } from './until.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const run = <T extends Record<string, unknown>>(text: string) =>
  database.db.execute<T>(sql.raw(text))
const newReader = () => startReader(database.db)

beforeEach(async () => {
  await run('truncate products, stores cascade')
  await run('truncate feed_state, feed_chunks, feed_changes, feed_builds')
  await run(
    `insert into products (id, title, price) select 'p' || n, 'Product ' || n, 10.25 from generate_series(1, 500) n`,
  )
  await pollReader(newReader())
})

type State = { version: number; built_at: string; render_key: string }

async function readState(): Promise<State | undefined> {
  const [state] = await run<State>(
    `select version::int as version, built_at::text as built_at, render_key from feed_state where feed = 'products'`,
  )
  return state
}

/** By format and slot, the transaction that wrote each row. */
async function readWriters(): Promise<Record<string, string>> {
  const rows = await run<{ name: string; writer: string }>(
    `select format || ' ' || slot as name, xmin::text as writer from feed_chunks where feed = 'products'`,
  )
  return Object.fromEntries(rows.map(({ name, writer }) => [name, writer]))
}

async function readRewritten(before: Record<string, string>): Promise<string[]> {
  const after = await readWriters()
  expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort())
  return Object.keys(after).filter((name) => after[name] !== before[name])
}

const noteEverything = () => run(`insert into feed_changes (feed, hash) values ('products', -1)`)

test('an edit rewrites the chunks of its slot in both formats, and no others', async () => {
  const before = await readWriters()
  await run(`update products set title = 'Edited' where id = 'p1'`)
  await pollReader(newReader())
  const [slot] = await run<{ slot: number }>(`select catalog_hash('p1') / 256 as slot`)
  expect((await readRewritten(before)).sort()).toEqual([`json ${slot?.slot}`, `xml ${slot?.slot}`])
})

test('a rebuild writes nothing that comes out as it is stored, and then is no new version', async () => {
  const [state, before] = [await readState(), await readWriters()]
  await noteEverything()
  await pollReader(newReader())
  expect(await readRewritten(before)).toEqual([])
  expect(await readState()).toEqual(state)
})

test('a rebuild rewrites a chunk whose mark says otherwise than what was rendered', async () => {
  const before = await readWriters()
  await run(`update feed_chunks set crc = crc # 1 where format = 'json' and slot = 3`)
  await run(`update feed_chunks set bytes = bytes + 1 where format = 'xml' and slot = 5`)
  const marked = await readWriters()
  await noteEverything()
  await newReader().reader.refresh('products')
  expect((await readRewritten(marked)).sort()).toEqual(['json 3', 'xml 5'])
  expect((await readRewritten(before)).sort()).toEqual(['json 3', 'xml 5'])
  expect((await readState())?.version).toBe(2)
})

test('another renderKey alone renders everything again, for polls and in the background', async () => {
  const before = await readWriters()
  const polled = await pollReader(startReader(database.db, { renderKey: 'other', decimals: 1 }))
  expect(polled.text.match(/"price":10\.3,/g)?.length).toBe(500)
  expect((await readState())?.render_key).toBe('other')
  expect(new Set(await readRewritten(before)).size).toBe(128)

  const background = startReader(database.db, { renderKey: 'third', decimals: 0 })
  expect(await background.reader.refresh('products')).toBe('fresh')
  expect(await readState()).toMatchObject({ render_key: 'third', version: 3 })
  expect((await pollReader(background)).text.match(/"price":10,/g)?.length).toBe(500)
})

test('a server with a currency of other decimals renders all prices again', async () => {
  for (const [currency, price] of [
    ['USD', 10.25],
    ['JPY', 10],
    ['USD', 10.25],
  ] as const) {
    const server = await startAnother(database.url, { currency })
    try {
      await until(
        () => pollItems(`${server.url}/feeds/products.json`),
        (items) => items.every((item) => item.price === price),
      )
    } finally {
      await server.stop()
    }
  }
})

test('the time of a version is that of its commit, not of when its transaction began', async () => {
  const reader = newReader()
  const { begun, released } = await database.db.transaction(async (tx) => {
    await tx.execute(sql`lock table stores in access exclusive mode`)
    await run(`update products set title = 'Late' where id = 'p1'`)
    const refreshing = reader.reader.refresh('products').catch(() => 'waited too long')
    await until(isWaitingForStores, (waits) => waits)
    const [row] = await tx.execute<{ now: string }>(
      sql`select date_trunc('milliseconds', clock_timestamp())::text as now`,
    )
    return { begun: { refreshing }, released: row?.now }
  })
  await begun.refreshing
  expect((await pollReader(reader)).text).toContain('"Late"')
  expect(
    await run(
      `select built_at >= '${released}' as later, version::int as version from feed_state where feed = 'products'`,
    ),
  ).toEqual([{ later: true, version: 2 }])
})

async function isWaitingForStores(): Promise<boolean> {
  const waiting = await run(
    `select from pg_locks where relation = 'stores'::regclass and not granted
      and database = (select oid from pg_database where datname = current_database())`,
  )
  return waiting.length > 0
}

test('contents of equal length under the same version number have different ETags', async () => {
  const tags: Record<string, unknown>[] = []
  for (const title of ['Product A', 'Product B']) {
    await run(`update products set title = '${title}' where id = 'p1'`)
    await run('delete from feed_state')
    const { response: served } = await newReader().reader.poll('products', 'json', {
      number: 1,
      of: 1,
    })
    tags.push({ version: served.version, bytes: served.bytes, tag: served.tag })
  }
  const [first, second] = tags
  expect(second).toEqual({ ...first, tag: expect.any(String) })
  expect(second?.tag).not.toBe(first?.tag)
})
