/** In charge of showing the figures for Prometheus. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('PUT', '/v1/products/1111', { title: 'Ladle' })
  await (await fetch(`${server.url}/feeds/products.json?key=${server.key}`)).arrayBuffer()
})
afterAll(() => server.stop())

const figures = async () => (await server.ask('GET', '/metrics')).text.split('\n')

test('the figures tell what each feed holds', async () => {
  const { status, headers } = await server.ask('GET', '/metrics')
  expect([status, headers.get('Content-Type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ])
  expect(await figures()).toEqual(
    expect.arrayContaining([
      'storefeed_feed_items{feed="products"} 1',
      'storefeed_feed_items{feed="stores"} 0',
      'storefeed_feed_held{feed="products"} 0',
      'storefeed_feed_poll_overdue{feed="products"} 0',
    ]),
  )
})

test('a feed that was not polled for seven hours is overdue', async () => {
  await server.database.db.execute(sql`
    insert into feed_polls (at, feed, format, status, bytes, milliseconds)
    values (now() - interval '7 hours 1 minute', 'stores', 'json', 200, 10, 1)`)
  expect(await figures()).toContain('storefeed_feed_poll_overdue{feed="stores"} 1')
})

test('without a key there are none', async () => {
  expect((await server.ask('GET', '/metrics', undefined, { Authorization: '' })).status).toBe(401)
})
