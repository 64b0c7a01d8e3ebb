/** What is wrong with the server, as it stands above every page. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { pollItems } from '../feeds/polls.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { sessionOf } from './console.ts'

let server: TestServer
let cookie: string

beforeAll(async () => {
  server = await startTestServer()
  // A feed that is not built yet is told too.
  for (const feed of ['products', 'stores'])
    await pollItems(`${server.url}/feeds/${feed}.json?key=${server.key}`)
  cookie = await sessionOf(server)
})
afterAll(async () => server.stop())
beforeEach(async () => {
  await pause({})
  await server.database.db.execute(sql`truncate outbox`)
})

async function banners(headers: Record<string, string> = {}): Promise<string[]> {
  const response = await fetch(`${server.url}/console/people`, {
    headers: { Cookie: cookie, ...headers },
  })
  const page = await response.text()
  const found = page.matchAll(/<p class="banner">(.*?)<\/p>/g)
  return [...found].map(([, words = '']) => words.replaceAll(/<[^>]+>/g, ''))
}

const pause = (fields: object) =>
  server.database.db.execute(sql`
    update outbox_queues q set alarm = r.alarm, pause_reason = r.pause_reason, paused_until = r.paused_until
    from json_populate_record(null::outbox_queues, ${JSON.stringify(fields)}::json) r where q.queue = 'events'`)

const inAnHour = () => new Date(Date.now() + 3_600_000 + 30_000).toISOString()

test('nothing stands there while all is well', async () => {
  expect(await banners()).toEqual([])
})

test('what Klaviyo answers is said for people who do not run the server', async () => {
  await pause({ alarm: '401 Wrong key.' })
  expect(await banners()).toEqual([
    'Klaviyo rejects this server’s private key, so events wait. Nothing is lost. Whoever runs the server has to set a valid key. Klaviyo’s answer: 401 Wrong key. Open Deliveries',
  ])
  await pause({ pause_reason: '429 Too many requests.', paused_until: inAnHour() })
  expect(await banners()).toEqual([
    'Klaviyo asked to wait, so events wait. They are sent again in 1 hour. Open Deliveries',
  ])
})

test('messages that wait for another try are counted', async () => {
  const customer = { email: 'ann.lee@klaviyo-demo.com' }
  const items = [{ product_id: 'p', item_price: 1 }]
  await server.ask('PUT', '/v1/orders/o-1', { total: 1, customer, items })
  await server.database.db.execute(sql`
    update outbox set attempts = 5, next_at = ${inAnHour()}, error = '500 Internal error.' where order_id = 'o-1'`)
  expect(await banners()).toEqual([
    'Klaviyo does not take events at the moment: 2 wait. The next try is in 1 hour. Its last answer: 500. See them',
  ])
})

test('a part of a page has none', async () => {
  await pause({ alarm: '401 Wrong key.' })
  expect(await banners({ 'HX-Request': 'true' })).toEqual([])
})
