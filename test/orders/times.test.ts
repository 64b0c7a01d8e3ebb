/** Every time that ISO 8601 can express is read as the same instant, whatever Postgres accepts. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('PUT', '/v1/stores/s', { title: 'Boston' })
})
afterAll(() => server.stop())

const far = '2025-01-01T12:00:00+23:59'
const customer = { email: 'jo@example.org' }

test('an order, an update and a visit may be of any offset', async () => {
  const order = { total: 1, placed_at: far, customer }
  const made = await server.ask('PUT', '/v1/orders/o', order)
  expect(made.body).toMatchObject({ placed_at: '2024-12-31T12:01:00+00:00' })
  const sameAgain = { ...order, placed_at: '2024-12-31T12:01:00Z' }
  expect((await server.ask('PUT', '/v1/orders/o', sameAgain)).status).toBe(200)

  const update = { id: 'f', occurred_at: far }
  const fulfilled = await server.ask('POST', '/v1/orders/o/fulfillments', update)
  expect(fulfilled.body).toMatchObject({ occurred_at: '2024-12-31T12:01:00+00:00' })

  const visit = { customer, store_id: 's', at: far }
  expect((await server.ask('POST', '/v1/visits', visit)).status).toBe(201)
  expect((await server.ask('POST', '/v1/visits', visit)).status).toBe(200)
})

test('lists may be asked for from and until any time', async () => {
  const count = async (list: 'orders' | 'events', query: Record<string, string>) => {
    const { body } = await server.ask('GET', `/v1/${list}?${new URLSearchParams(query)}`)
    return (body as Record<string, unknown[]>)[list]?.length
  }
  await server.ask('PUT', '/v1/orders/listed', { total: 1, customer })
  expect(await count('orders', { placed_since: far })).toBe(2)
  expect(await count('orders', { placed_until: far })).toBe(0)
  const all = await count('events', {})
  expect(all).toBeGreaterThan(0)
  expect(await count('events', { since: '0000-01-01T00:00:00Z' })).toBe(all)
  expect(await count('events', { since: far, until: '9999-12-31T23:59:59-23:59' })).toBe(all)
})

test.each(['0000-01-01T00:00:00Z 1', `${far} 1`, '9999-12-31T23:59:59-23:59 999999999999999'])(
  'a cursor that someone made of %s does no harm',
  async (text) => {
    const cursor = Buffer.from(text).toString('base64url')
    expect((await server.ask('GET', `/v1/events?cursor=${cursor}`)).status).toBe(200)
  },
)
