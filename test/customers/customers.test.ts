/** Customers and visits by REST: what is sent to Klaviyo, and which store is the most recent. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
  for (const id of ['1212', '1313']) await server.ask('PUT', `/v1/stores/${id}`, { title: id })
})
afterAll(() => server.stop())

const order = {
  total: 10,
  items: [{ product_id: 'p', item_price: 10 }],
}

async function profileMessages(customerId: string): Promise<string[]> {
  const rows = await server.database.db.execute<{ ref: string }>(
    sql`select ref from outbox where customer_id = ${customerId} order by id`,
  )
  return rows.map(({ ref }) => ref)
}

test('a new customer and every edit are sent, a repeat is not', async () => {
  const jo = { email: 'jo@klaviyo-demo.com', first_name: 'Jo' }
  expect((await server.ask('PUT', '/v1/customers/c1', jo)).status).toBe(200)
  await server.ask('PUT', '/v1/customers/c1', jo)
  await server.ask('PUT', '/v1/customers/c1', { ...jo, first_name: 'Joe' })
  expect(await profileMessages('c1')).toEqual(['edit', 'edit'])
})

test('what a PUT leaves out is emptied, what an order leaves out stays', async () => {
  const jane = { email: 'jane@klaviyo-demo.com', first_name: 'Jane', city: 'Boston' }
  await server.ask('PUT', '/v1/customers/c2', jane)
  await server.ask('PUT', '/v1/orders/o2', { ...order, customer: { id: 'c2', city: 'Salem' } })
  const ordered = await server.ask('GET', '/v1/customers/c2')
  expect(ordered.body).toMatchObject({ first_name: 'Jane', city: 'Salem' })
  const put = await server.ask('PUT', '/v1/customers/c2', { email: jane.email })
  expect(put.body).toMatchObject({ first_name: null, city: null })
})

test('a customer who comes with an order is sent with the order’s events alone', async () => {
  const customer = { id: 'c3', email: 'c3@klaviyo-demo.com' }
  await server.ask('PUT', '/v1/orders/o3', { ...order, customer })
  expect(await profileMessages('c3')).toEqual([])
})

test('a customer is known by e-mail in any case, and by telephone', async () => {
  const visit = (customer: object) =>
    server.ask('POST', '/v1/visits', { customer, store_id: '1212' })
  const first = await visit({ email: 'Known@klaviyo-demo.com', phone_number: '617 555 0199' })
  const second = await visit({ email: 'known@KLAVIYO-demo.com' })
  const third = await visit({ phone_number: '617 555 0199' })
  const ids = [first, second, third].map(({ body }) => body)
  expect(ids[1]).toMatchObject({ customer_id: customerIdOf(ids[0]) })
  expect(ids[2]).toMatchObject({ customer_id: customerIdOf(ids[0]) })
})

test('of several customers with one telephone the one known longest is meant', async () => {
  const phone_number = '617 555 0177'
  for (const id of ['phone-b', 'phone-a', 'phone-c'])
    await server.ask('PUT', `/v1/customers/${id}`, { phone_number })
  const visit = { customer: { phone_number }, store_id: '1212' }
  const { body } = await server.ask('POST', '/v1/visits', visit)
  expect(body).toMatchObject({ customer_id: 'phone-b' })
})

test('a field that is blank is empty, and white space around one is not kept', async () => {
  const blank = { email: ' ', phone_number: '', first_name: ' Jo ', metadata: null }
  const { body } = await server.ask('PUT', '/v1/customers/blank', blank)
  expect(body).toMatchObject({ email: null, phone_number: null, first_name: 'Jo', metadata: {} })
})

test('strangers of one e-mail who come at once are one customer', async () => {
  const customer = { email: 'at-once@klaviyo-demo.com' }
  const visits = await Promise.all(
    ['1212', '1313', '1212', '1313'].map((store_id) =>
      server.ask('POST', '/v1/visits', { customer, store_id }),
    ),
  )
  expect(new Set(visits.map(({ body }) => customerIdOf(body))).size).toBe(1)
})

test('an e-mail that belongs to another customer is a conflict', async () => {
  await server.ask('PUT', '/v1/customers/c4', { email: 'taken@klaviyo-demo.com' })
  const { status, body } = await server.ask('PUT', '/v1/customers/c5', {
    email: 'TAKEN@klaviyo-demo.com',
  })
  expect(status).toBe(409)
  expect(body).toMatchObject({ errors: [{ field: 'customer.email' }] })
})

test('the most recent store never goes back in time, whatever comes late', async () => {
  const customer = { id: 'c6', email: 'c6@klaviyo-demo.com' }
  const placed = (id: string, placed_at: string, store_id: string) =>
    server.ask('PUT', `/v1/orders/${id}`, { ...order, customer, placed_at, store_id })
  await placed('o6', '2025-05-01T10:00:00Z', '1212')
  await placed('o6-old', '2024-05-01T10:00:00Z', '1313')
  const visit = { customer: { id: 'c6' }, store_id: '1313', at: '2025-04-01T10:00:00Z' }
  await server.ask('POST', '/v1/visits', visit)
  expect((await server.ask('GET', '/v1/customers/c6')).body).toMatchObject({
    most_recent_store_id: '1212',
    most_recent_store_at: '2025-05-01T10:00:00+00:00',
  })
  await server.ask('POST', '/v1/visits', { ...visit, at: '2025-06-01T10:00:00Z' })
  expect((await server.ask('GET', '/v1/customers/c6')).body).toMatchObject({
    most_recent_store_id: '1313',
  })
})

test('the same visit again writes nothing and sends nothing', async () => {
  const visit = { customer: { id: 'c7' }, store_id: '1212', at: '2025-04-01T10:00:00Z' }
  expect((await server.ask('POST', '/v1/visits', visit)).status).toBe(201)
  expect((await server.ask('POST', '/v1/visits', visit)).status).toBe(200)
  expect(await profileMessages('c7')).toEqual(['visit', 'edit'])
})

function customerIdOf(visit: unknown): unknown {
  return typeof visit === 'object' && visit !== null && 'customer_id' in visit
    ? visit.customer_id
    : undefined
}
