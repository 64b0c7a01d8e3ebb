/** The metrics for Prometheus. */
import { readFile } from 'node:fs/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { seedOrders } from '../klaviyo/seed.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('PUT', '/v1/products/1111', { title: 'Ladle' })
  await pollFeed('products.json')
})
afterAll(() => server.stop())

async function pollFeed(file: string, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}/feeds/${file}?key=${server.key}`, { headers })
  await answer.arrayBuffer()
  return answer
}

const textOf = async (asked: TestServer) => (await asked.ask('GET', '/metrics')).text
const lines = async () => (await textOf(server)).split('\n')

/** Those whose name and labels begin so, without the name. */
const seriesOf = (text: string, name: string) =>
  Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`))
      .map((line) => {
        const at = line.lastIndexOf(' ')
        return [line.slice(name.length, at), Number(line.slice(at + 1))]
      }),
  )

test('the metrics say what each feed holds', async () => {
  const { status, headers } = await server.ask('GET', '/metrics')
  expect([status, headers.get('Content-Type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  expect(await lines()).toEqual(
    expect.arrayContaining([
      'storefeed_feed_items{feed="products"} 1',
      'storefeed_feed_items{feed="stores"} 0',
      'storefeed_feed_held{feed="products"} 0',
      'storefeed_feed_poll_overdue{feed="products"} 0',
      'storefeed_feed_pending_changes{feed="products"} 0',
      'storefeed_database_up 1',
    ]),
  )
})

test('a feed that was not polled for seven hours is overdue', async () => {
  await server.database.db.execute(sql`
    insert into feed_polls (at, feed, format, status, bytes, milliseconds)
    values (now() - interval '7 hours 1 minute', 'stores', 'json', 200, 10, 1)`)
  expect(await lines()).toContain('storefeed_feed_poll_overdue{feed="stores"} 1')
})

test('polls are counted by feed, format, status and state, rejected ones too', async () => {
  const before = seriesOf(await textOf(server), 'storefeed_feed_polls_total')
  const etag = (await pollFeed('stores.xml')).headers.get('ETag') ?? ''
  await pollFeed('stores.xml')
  await pollFeed('stores.xml', { 'If-None-Match': etag })
  await fetch(`${server.url}/feeds/stores.json?key=wrong`)
  await fetch(`${server.url}/feeds/nothing.json?key=${server.key}`)
  const text = await textOf(server)
  expect(seriesOf(text, 'storefeed_feed_polls_total')).toEqual({
    ...before,
    '{feed="stores",format="xml",status="200",state="fresh"}': 2,
    '{feed="stores",format="xml",status="304",state="fresh"}': 1,
    '{feed="stores",format="json",status="401",state="none"}': 1,
    '{feed="none",format="none",status="404",state="none"}': 1,
  })
  expect(seriesOf(text, 'storefeed_feed_poll_duration_seconds_count')).toMatchObject({
    '{feed="stores",format="xml"}': 3,
  })
})

test('requests are counted by their route, never by what is in it', async () => {
  await server.ask('GET', '/v1/products/1111')
  await server.ask('GET', '/v1/products/2222')
  await server.ask('GET', '/v1/products/3333')
  await server.ask('POST', '/v1/products/batch', { products: [] })
  await server.ask('GET', '/nothing/4444')
  const text = await textOf(server)
  expect(seriesOf(text, 'storefeed_http_requests_total')).toMatchObject({
    '{method="PUT",route="/v1/products/{id}",status="201"}': 1,
    '{method="GET",route="/v1/products/{id}",status="200"}': 1,
    '{method="GET",route="/v1/products/{id}",status="404"}': 2,
    '{method="GET",route="none",status="404"}': 1,
  })
  expect(seriesOf(text, 'storefeed_http_request_duration_seconds_count')).toMatchObject({
    '{method="GET",route="/v1/products/{id}"}': 3,
  })
  expect(text).not.toMatch(/route="[^"]*\d{4}/)
})

test('refreshes are counted with the chunks they render', async () => {
  const read = async () => {
    const text = await textOf(server)
    const [chunks, times, fresh] = [
      seriesOf(text, 'storefeed_feed_chunks_rendered_total')['{feed="products"}'] ?? 0,
      seriesOf(text, 'storefeed_feed_refresh_duration_seconds_count')['{feed="products"}'] ?? 0,
      seriesOf(text, 'storefeed_feed_refreshes_total')['{feed="products",result="fresh"}'] ?? 0,
    ]
    return { chunks, times, fresh }
  }
  const before = await read()
  // The first built all of its 64 slots, in both formats.
  expect(before.chunks).toBeGreaterThanOrEqual(128)
  await server.ask('PATCH', '/v1/products/1111', { title: 'Soup ladle' })
  await pollFeed('products.json')
  const after = await read()
  // One slot, by the poll or by the background before it.
  expect(after.chunks - before.chunks).toBe(2)
  expect(after.times - before.times).toBe(1)
  expect(after.fresh).toBeGreaterThan(before.fresh)
})

test('connections are counted by purpose, and the wait for one is measured', async () => {
  const text = await textOf(server)
  expect(seriesOf(text, 'storefeed_database_connections')).toMatchObject({
    '{pool="web",state="active"}': expect.anything(),
  })
  expect(text).toMatch(/^storefeed_database_response_seconds \d/m)
})

test('what waits for a connection is counted, also by a scrape that gets none itself', async () => {
  let text = ''
  const puts: Promise<unknown>[] = []
  await server.database.db.transaction(async (tx) => {
    await tx.execute(sql`lock table products in access exclusive mode`)
    for (let put = 0; put < 12; put++)
      puts.push(server.ask('PUT', `/v1/products/held-${put}`, { title: 'Held' }))
    text = await textOf(server)
  })
  await Promise.all(puts)
  // Two puts and the scrape; more, where a pooler lets new connections wait.
  const waiting = seriesOf(text, 'storefeed_database_waiting')
  expect(waiting['{pool="web"}']).toBeGreaterThanOrEqual(3)
  expect(waiting['{pool="keys"}']).toBe(0)
  expect(seriesOf(await textOf(server), 'storefeed_database_waiting')['{pool="web"}']).toBe(0)
})

test('the metrics of the process are written once, however many servers run in it', async () => {
  const text = await textOf(server)
  expect(text.match(/^process_cpu_seconds_total /gm)).toHaveLength(1)
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m)
  expect(text).toMatch(/^process_resident_memory_bytes \d/m)
})

/** As `promtool check metrics` checks them. */
test('every metric follows the conventions of Prometheus', async () => {
  const text = await textOf(server)
  const types = [...text.matchAll(/^# TYPE (storefeed_\S+) (\w+)$/gm)]
  const names = types.map(([, name = '']) => name)
  expect(names.length).toBeGreaterThan(20)
  expect(new Set(names).size).toBe(names.length)
  for (const [, name = '', type = ''] of types) {
    expect(name).toMatch(/^[a-z]+(_[a-z]+)+$/)
    expect(text, name).toMatch(new RegExp(`^# HELP ${name} .{8,}$`, 'm'))
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    expect(name).not.toMatch(/_(count|sum|bucket|info|counter|gauge|histogram|summary)(_|$)/)
    // Seconds and bytes, never their multiples or abbreviations.
    expect(name).not.toMatch(
      /_(s|ms|us|ns|b|kb|mb|gb|[a-z]+seconds|[a-z]+bytes|minutes|hours|days|percent)(_|$)/,
    )
    if (type === 'histogram') expect(name).toMatch(/_duration_seconds$/)
  }
  const series = text.split('\n').filter((line) => line.startsWith('storefeed_'))
  for (const line of series) {
    const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? []
    expect(names, line).toContain(
      names.includes(name) ? name : name.replace(/_(bucket|sum|count)$/, ''),
    )
    for (const [, label] of labels.matchAll(/(?:^|,)([^=,]+)="/g))
      expect(label).toMatch(/^[a-z_]+$/)
  }
})

test('docs/monitoring.md lists the metrics that there are, and no others', async () => {
  const page = await readFile(new URL('../../docs/monitoring.md', import.meta.url), 'utf8')
  const documented = page.match(/`storefeed_\w+`/g)?.map((name) => name.slice(1, -1))
  const text = await textOf(server)
  const served = [...text.matchAll(/^# TYPE (storefeed_\w+)/gm)].map(([, name]) => name)
  // Only a server that sends has it.
  served.push('storefeed_klaviyo_rate_limit_remaining')
  expect([...new Set(documented)].sort()).toEqual([...new Set(served)].sort())
})

test('without a key there are no metrics', async () => {
  expect((await server.ask('GET', '/metrics', undefined, { Authorization: '' })).status).toBe(401)
})

test('requests to Klaviyo are counted by result, messages by queue, status and age, and the rest of the rate limits is shown', async () => {
  const sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  const { klaviyo } = readConfig({ KLAVIYO_API_KEY: 'pk_test', KLAVIYO_URL: sandbox.url })
  const sending = await startTestServer({ klaviyo })
  try {
    const { db } = sending.database
    await seedOrders(db, 1)
    await expect
      .poll(() => textOf(sending))
      .toContain('storefeed_outbox_attempts_total{queue="events",status="sent"} 3')
    expect(seriesOf(await textOf(sending), 'storefeed_klaviyo_requests_total')).toEqual({
      '{endpoint="event",result="accepted"}': 3,
    })
    expect(seriesOf(await textOf(sending), 'storefeed_klaviyo_rate_limit_remaining')).toEqual({
      '{endpoint="event",window_seconds="1"}': expect.toSatisfy((left) => left >= 336),
      '{endpoint="event",window_seconds="60"}': 3395 - 3,
      '{endpoint="profile",window_seconds="1"}': 72,
      '{endpoint="profile",window_seconds="60"}': 727,
      '{endpoint="bulk",window_seconds="1"}': 9,
      '{endpoint="bulk",window_seconds="60"}': 145,
    })
    await db.execute(sql`
      update outbox set status = 'pending', next_at = now() + interval '1 hour', created_at = now() - interval '90 s'
      where metric = 'placed_order'`)
    await db.execute(sql`update outbox set status = 'failed' where metric = 'ordered_product'`)
    await db.execute(sql`update outbox_queues set alarm = '401' where queue = 'events'`)
    const text = await textOf(sending)
    expect(seriesOf(text, 'storefeed_outbox_messages')).toEqual({
      '{queue="events",status="pending"}': 1,
      '{queue="events",status="failed"}': 2,
      '{queue="events",status="unsendable"}': 0,
      '{queue="events",status="discarded"}': 0,
      '{queue="profiles",status="pending"}': 0,
      '{queue="profiles",status="failed"}': 0,
      '{queue="profiles",status="unsendable"}': 0,
      '{queue="profiles",status="discarded"}': 0,
    })
    const oldest = seriesOf(text, 'storefeed_outbox_oldest_message_age_seconds')
    expect(oldest['{queue="events",status="pending"}']).toBeGreaterThanOrEqual(90)
    expect(oldest['{queue="profiles",status="pending"}']).toBe(0)
    expect(seriesOf(text, 'storefeed_outbox_paused')).toEqual({
      '{queue="events"}': 1,
      '{queue="profiles"}': 0,
    })
    // The other server of this process counts none of this.
    expect(await textOf(server)).not.toContain('storefeed_klaviyo_requests_total{')
  } finally {
    await sending.stop()
    await sandbox.stop()
  }
})
