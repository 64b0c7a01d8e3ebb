import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { gzip, poll } from './polls.ts'
import { until } from './until.ts'

let server: TestServer

type Status = Record<string, unknown> & { feed: string; last_polls: Record<string, unknown>[] }

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true })
})
afterAll(() => server.stop())

async function readStatus(feed: string): Promise<Status | undefined> {
  const { status, body } = await server.ask('GET', '/v1/feeds')
  expect(status).toBe(200)
  const { feeds } = body as { feeds: Status[] }
  expect(feeds.map((one) => one.feed)).toEqual(['products', 'stores'])
  return feeds.find((one) => one.feed === feed)
}

const run = (text: string) => server.database.db.execute(sql.raw(text))
const seven = `interval '7 hours 1 minute'`

test('a feed is reported whole: its files, its age, and who polled it', async () => {
  await run(
    `insert into products (id, title) select 'p' || n, 'Product' from generate_series(1, 20) n`,
  )
  const headers = { ...gzip, 'User-Agent': 'Klaviyo/1.0' }
  const polled = await poll(`${server.url}/feeds/products.json`, { headers })
  await poll(`${server.url}/feeds/products.xml`, { method: 'HEAD' })
  await poll(`${server.url}/feeds/products.json`, {
    headers: { ...gzip, 'If-None-Match': polled.headers.etag ?? '' },
  })
  const status = await until(
    () => readStatus('products'),
    (one) => one?.last_polls.length === 3,
  )
  const ofPoll = { at: expect.any(String), milliseconds: expect.any(Number), address: '127.0.0.1' }
  expect(status).toEqual({
    feed: 'products',
    state: 'fresh',
    version: Number(polled.headers['x-feed-version']),
    items: 20,
    built_at: expect.any(String),
    age_seconds: expect.any(Number),
    held_since: null,
    held_reason: null,
    pending_changes: 0,
    oldest_change_at: null,
    limit_bytes: 50_000_000,
    files: [
      fileOf('json', expect.any(Number), expect.any(Number)),
      fileOf('xml', expect.any(Number), expect.any(Number)),
    ],
    last_polls: [
      { ...ofPoll, format: 'json', status: 304, bytes: 0, user_agent: null },
      { ...ofPoll, format: 'xml', status: 200, bytes: 0, user_agent: null },
      {
        ...ofPoll,
        format: 'json',
        status: 200,
        bytes: polled.body.length,
        user_agent: 'Klaviyo/1.0',
      },
    ],
    next_poll_expected_at: expect.any(String),
    changed_since_poll: false,
    poll_overdue: false,
    warnings: [],
  })
  expect(status?.age_seconds).toBeLessThan(60)
})

function fileOf(format: string, bytes: unknown, gzip_bytes: unknown) {
  const url = `${server.url}/feeds/products.${format}`
  return { format, url, bytes, gzip_bytes, advised_parts: 1 }
}

test('the age does not start again while nothing changes', async () => {
  const before = await readStatus('products')
  await run(`update products set title = title`)
  await poll(`${server.url}/feeds/products.json`)
  expect(await readStatus('products')).toMatchObject({
    version: before?.version,
    built_at: before?.built_at,
    state: 'fresh',
  })
})

test('changes that no refresh could apply are reported', async () => {
  await server.database.db.transaction(async (tx) => {
    await until(
      () =>
        tx.execute<{ ok: boolean }>(
          sql`select pg_try_advisory_xact_lock(hashtext('storefeed.feed'), hashtext('stores')) as ok`,
        ),
      ([lock]) => lock?.ok === true,
    )
    await run(`insert into stores (id, title) values ('s', 'Shop')`)
    expect(await readStatus('stores')).toMatchObject({
      state: 'waiting',
      pending_changes: 1,
      oldest_change_at: expect.any(String),
    })
  })
  expect((await poll(`${server.url}/feeds/stores.json`)).headers['x-feed-items']).toBe('1')
  expect(await readStatus('stores')).toMatchObject({ state: 'fresh', pending_changes: 0, items: 1 })
})

test('when no poll came for seven hours there is a warning, until one comes', async () => {
  await until(
    () => readStatus('stores'),
    (one) => one?.last_polls.length !== 0,
  )
  await run(`update feed_polls set at = at - ${seven} where feed = 'stores'`)
  expect(await readStatus('stores')).toMatchObject({
    warnings: [
      'No poll in the last 7 hours. Klaviyo polls every six hours: check the source in Klaviyo and its URL.',
    ],
  })
  expect(await readStatus('products')).toMatchObject({ warnings: [] })
  await poll(`${server.url}/feeds/stores.xml`)
  await until(
    () => readStatus('stores'),
    (one) => Array.isArray(one?.warnings) && one.warnings.length === 0,
  )
})

test('a file over 50 MB is reported, with the parts to poll instead', async () => {
  await run(`update feed_chunks set bytes = 1500000 where feed = 'stores' and format = 'xml'`)
  expect(await readStatus('stores')).toMatchObject({
    files: [
      { format: 'json', advised_parts: 1 },
      { format: 'xml', bytes: 96_000_000, advised_parts: 2 },
    ],
    warnings: [
      'The xml file is over 50 MB: add 2 sources in Klaviyo, /feeds/stores.1-of-2.xml and so on.',
    ],
  })
})

test('the next poll is expected six hours after the last one that got the feed', async () => {
  const before = await readStatus('products')
  await run(`update feed_polls set at = at - interval '1 hour' where feed = 'products'`)
  await poll(`${server.url}/feeds/products.json`, { method: 'HEAD' })
  const status = await until(
    () => readStatus('products'),
    (one) => one?.last_polls.length === 5,
  )
  const hourEarlier = Date.parse(`${before?.next_poll_expected_at}`) - 3_600_000
  expect(Date.parse(`${status?.next_poll_expected_at}`)).toBe(hourEarlier)
})

test('a feed has changed since the last poll when the next one gets another', async () => {
  const changed = async () => (await readStatus('products'))?.changed_since_poll
  expect(await changed()).toBe(false)
  await run(`update products set title = 'Changed' where id = 'p1'`)
  expect(await changed()).toBe(true)
  const { headers } = await poll(`${server.url}/feeds/products.xml`, { headers: gzip })
  await until(changed, (answer) => answer === false)
  await run(`update products set title = 'Again' where id = 'p1'`)
  await poll(`${server.url}/feeds/products.xml`, {
    headers: { 'If-None-Match': `${headers.etag}` },
  })
  await until(changed, (answer) => answer === false)
})

test('what an unrecorded build held is unknown, and so is what nobody polled', async () => {
  await run(`update feed_polls set build = null`)
  expect(await readStatus('products')).toMatchObject({ changed_since_poll: null })
  await run(`delete from feed_polls`)
  expect(await readStatus('products')).toMatchObject({
    changed_since_poll: null,
    next_poll_expected_at: null,
  })
})
