import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Connection, connect } from '../../src/db/connection.ts'
import { createClient } from '../../src/klaviyo/api/client.ts'
import { trackTransport } from '../../src/klaviyo/legacy-track/track-api.ts'
import { drain } from '../../src/klaviyo/sender/sender.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { names, payloads } from '../klaviyo/guide-payloads.ts'
import { silent, unlimited } from '../klaviyo/seed.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { order1234, stockShop } from './guide-order.ts'

let server: TestServer
let sandbox: RunningSandbox
let pool: Connection

beforeEach(async () => {
  server = await startTestServer()
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  pool = connect(server.database.url, { max: 2 })
  await stockShop(server)
})
afterEach(async () => {
  await pool.close()
  await sandbox.stop()
  await server.stop()
})

async function sendByTrack(): Promise<void> {
  const options = { url: sandbox.url, apiKey: null, share: unlimited, log: silent }
  const transport = trackTransport('PUBLIC_API_KEY')
  const sender = { id: 'test', client: createClient(options), transport, names }
  const { signal } = new AbortController()
  await drain('events', { db: pool.db, sender, log: silent }, signal)
  await drain('profiles', { db: pool.db, sender, log: silent }, signal)
}

test('the guide’s order and what becomes of it are sent as its payloads by the Track API', async () => {
  const at = { occurred_at: '2013-12-17T20:42:36Z' }
  const reason = { ...at, reason: 'No longer needed' }
  await server.ask('PUT', '/v1/orders/1234', order1234)
  await server.ask('POST', '/v1/orders/1234/fulfillments', { id: 'f1', ...at })
  await server.ask('POST', '/v1/orders/1234/cancellations', { id: 'x1', ...reason })
  await server.ask('POST', '/v1/orders/1234/refunds', { id: 'r1', ...reason })
  await sendByTrack()
  const rows = await server.database.db.execute<{ metric: string; ref: string; sent: string }>(
    sql`select metric, ref, payload::text as sent from outbox where order_id = '1234' order by id`,
  )
  const sent = Object.fromEntries(rows.map((row) => [`${row.metric} ${row.ref}`, row.sent]))
  expect(sent['placed_order ']).toBe(payloads.placed_order)
  expect(sent['ordered_product 1']).toBe(payloads.ordered_product)
  expect(sent['fulfilled_order f1']).toBe(payloads.fulfilled_order)
  expect(sent['cancelled_order x1']).toBe(payloads.cancelled_order)
  expect(sent['refunded_order r1']).toBe(payloads.refunded_order)
  expect(sandbox.state.account.eventLog.entries).toHaveLength(6)
})

test('a visit of who ordered before sends the guide’s Identify payload, and says so at /v1/events', async () => {
  await server.ask('PUT', '/v1/orders/1234', order1234)
  const visit = { customer: { email: 'john.smith@klaviyo-demo.com' }, store_id: '1212' }
  expect((await server.ask('POST', '/v1/visits', visit)).status).toBe(201)
  await sendByTrack()
  const { body } = await server.ask('GET', '/v1/events?customer_id=c1&metric=profile')
  expect(body).toMatchObject({ events: [{ status: 'sent', ref: 'visit', attempts: 1 }] })
  const [row] = await server.database.db.execute<{ sent: string }>(
    sql`select payload::text as sent from outbox where customer_id = 'c1' and ref = 'visit'`,
  )
  expect(row?.sent).toBe(payloads.identify)
})

test('a visit in an unknown store is recorded by REST and sent as it is named, with a warning', async () => {
  const visit = { customer: { id: 'v1', email: 'v1@klaviyo-demo.com' }, store_id: 'nowhere' }
  expect(await server.ask('POST', '/v1/visits', visit)).toMatchObject({
    status: 201,
    body: { store_id: 'nowhere', warnings: [] },
  })
  await sendByTrack()
  const { body } = await server.ask('GET', '/v1/events?customer_id=v1&metric=profile')
  expect(body).toMatchObject({
    events: [
      { ref: 'edit' },
      {
        ref: 'visit',
        status: 'sent',
        payload: { properties: { MostRecentStoreId: 'nowhere' } },
        warnings: [
          {
            code: 'unknown_store',
            field: 'store_id',
            detail: 'unknown store "nowhere": sent without StoreLocation',
          },
        ],
      },
    ],
  })
  const { body: customer } = await server.ask('GET', '/v1/customers/v1')
  expect(customer).toMatchObject({ most_recent_store_id: 'nowhere' })
})

test('a refund of part has what its lines cost, in proportion, and which were refunded and which were not', async () => {
  const items = [{ product_id: '1111', quantity: 3, item_price: 10 }, { product_id: '1112' }]
  await server.ask('PUT', '/v1/orders/part', { ...order1234, items })
  const refund = { id: 'r1', items: [{ line: 1, quantity: 2 }] }
  expect((await server.ask('POST', '/v1/orders/part/refunds', refund)).status).toBe(201)
  await sendByTrack()
  const { body } = await server.ask('GET', '/v1/events?order_id=part&metric=refunded_order')
  expect(body).toMatchObject({
    events: [
      {
        unique_id: 'part',
        payload: {
          properties: {
            $value: 20,
            RefundedItems: [{ ProductID: '1111', Quantity: 2, RowTotal: 20 }],
            RemainingItems: [
              { ProductID: '1111', Quantity: 1, RowTotal: 10 },
              { ProductID: '1112', Quantity: 1, RowTotal: 5.99 },
            ],
          },
        },
      },
    ],
  })
})

test('a bad telephone and a bad e-mail never cost the order: they are left out, with a warning', async () => {
  const customer = { id: 'c9', email: 'not an address', phone_number: '+16175550123' }
  await server.ask('PUT', '/v1/orders/w1', { ...order1234, customer })
  await sendByTrack()
  const { body } = await server.ask('GET', '/v1/events?order_id=w1&metric=placed_order')
  expect(body).toMatchObject({
    events: [
      {
        status: 'sent',
        warnings: [
          {
            code: 'contact_omitted',
            field: 'customer.email',
            detail: 'email "n***" omitted: Klaviyo would reject it',
          },
        ],
      },
    ],
  })
})
