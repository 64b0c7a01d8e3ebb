import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { gzip, poll } from './polls.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true, feedMaxDrop: 0.5, feedWaitMs: 15_000 })
})
afterAll(() => server.stop())

const run = (text: string) => server.database.db.execute(sql.raw(text))
const insertTen = `insert into products (id, title) select 'p' || n, 'Title' from generate_series(1, 10) n on conflict do nothing`

beforeEach(async () => {
  await run(`truncate products, stores cascade`)
  await run(`insert into stores (id, title) values ('s', 'Shop')`)
  await run(insertTen)
  await run(`delete from feed_state`)
  expect(await served()).toEqual({ state: 'fresh', items: 10 })
  expect(await served('stores')).toEqual({ state: 'fresh', items: 1 })
})

async function served(feed = 'products') {
  const { headers, text } = await poll(`${server.url}/feeds/${feed}.json`, { headers: gzip })
  const items = JSON.parse(text).length
  expect(headers['x-feed-items']).toBe(String(items))
  return { state: headers['x-feed-state'], items }
}

async function readStatus() {
  const { body } = await server.ask('GET', '/v1/feeds')
  const { feeds } = body as { feeds: Record<string, unknown>[] }
  return feeds.find(({ feed }) => feed === 'products')
}

test('half of the items may go, more may not: then the last good feed stays', async () => {
  await run(`delete from products where id in ('p1', 'p2', 'p3', 'p4', 'p5')`)
  expect(await served()).toEqual({ state: 'fresh', items: 5 })
  await run(`delete from products where id = 'p6'`)
  expect(await served()).toEqual({ state: 'held', items: 5 })
  await run(`update products set title = 'Held back too'`)
  expect(await served()).toEqual({ state: 'held', items: 5 })
  expect(await served('stores')).toEqual({ state: 'fresh', items: 1 })
})

test('a hold is reported: to the poller, by /v1/feeds and by /readyz, which stays ready', async () => {
  await run(`update products set published = false where id <> 'p1'`)
  const { headers } = await poll(`${server.url}/feeds/products.json`)
  expect(headers['x-feed-state']).toBe('held')
  expect(headers.warning).toBeUndefined()
  const warning = expect.stringMatching(
    /^Held since .*: It would fall from 10 items to 1\. .* POST \/v1\/feeds\/products\/release/,
  )
  expect(await readStatus()).toMatchObject({
    state: 'held',
    items: 10,
    held_since: expect.any(String),
    held_reason: 'It would fall from 10 items to 1.',
    warnings: [warning],
  })
  expect(await server.ask('GET', '/readyz')).toMatchObject({
    status: 200,
    body: { status: 'ready', problems: [warning] },
  })
})

test('a hold is reported since it began, however often and for whatever count it is found again', async () => {
  await run(`delete from products where id not in ('p1', 'p2')`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
  await run(`update feed_state set held_since = '2026-01-01T00:00:00Z' where feed = 'products'`)
  const since = { held_since: expect.stringMatching(/^2026-01-01T00:00:00/) }
  await run(`update products set title = 'Edited' where id = 'p1'`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
  expect(await readStatus()).toMatchObject({
    ...since,
    held_reason: 'It would fall from 10 items to 2.',
  })
  await run(`delete from products where id = 'p2'`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
  expect(await readStatus()).toMatchObject({
    ...since,
    held_reason: 'It would fall from 10 items to 1.',
  })
})

test('what is released is in the next poll; what is not held cannot be released', async () => {
  await run(`delete from products where id <> 'p1'`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
  expect((await server.ask('POST', '/v1/feeds/products/release')).status).toBe(204)
  expect(await served()).toEqual({ state: 'fresh', items: 1 })
  expect(await readStatus()).toMatchObject({ state: 'fresh', held_since: null, warnings: [] })
  const again = await server.ask('POST', '/v1/feeds/products/release')
  expect(again).toMatchObject({ status: 409, body: { detail: 'The products feed is not held.' } })
  expect((await server.ask('POST', '/v1/feeds/customers/release')).status).toBe(422)
})

test('items that come back end the hold by themselves', async () => {
  await run(`delete from products where id <> 'p1'`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
  await run(insertTen)
  expect(await served()).toEqual({ state: 'fresh', items: 10 })
  expect(await readStatus()).toMatchObject({ state: 'fresh', held_since: null, held_reason: null })
})

test('TRUNCATE is held, and so is a rebuild that finds nothing', async () => {
  await run(`truncate products cascade`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
  await run(`delete from feed_changes`)
  await run(`insert into feed_changes (feed, hash) values ('products', -1)`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
})

test('items that go a few at a time are measured against the most of six hours, not the last count', async () => {
  await run(`delete from products where id in ('p1', 'p2', 'p3')`)
  expect(await served()).toEqual({ state: 'fresh', items: 7 })
  await run(`delete from products where id in ('p4', 'p5', 'p6')`)
  expect(await served()).toEqual({ state: 'held', items: 7 })
  await run(`update feed_state set reference_at = reference_at - interval '6 hours 1 second'`)
  expect(await served()).toEqual({ state: 'fresh', items: 4 })
  await run(`delete from products where id in ('p7', 'p8')`)
  expect(await served()).toEqual({ state: 'held', items: 4 })
})

test('six hours alone do not let a hold go: it is measured against what is served', async () => {
  await run(`delete from products where id <> 'p1'`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
  await run(`update feed_state set reference_at = reference_at - interval '2 days'`)
  expect(await served()).toEqual({ state: 'held', items: 10 })
})
