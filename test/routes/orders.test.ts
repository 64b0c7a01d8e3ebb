/** In charge of showing orders by REST, from the request to the brief's payloads at Klaviyo's door. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Connection, connect } from '../../src/db/connect.ts'
import { createClient } from '../../src/klaviyo/client.ts'
import { drain } from '../../src/klaviyo/sender.ts'
import { trackTransport } from '../../src/klaviyo/transport.ts'
import { type RunningSandbox, startSandbox } from '../../src/sandbox/listen.ts'
import { names, payloads } from '../klaviyo/brief.ts'
import { silent, unlimited } from '../klaviyo/seed.ts'
import { startTestServer, type TestServer } from '../server.ts'

let server: TestServer
let sandbox: RunningSandbox
let pool: Connection

beforeAll(async () => {
  server = await startTestServer()
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  pool = connect(server.database.url, { max: 2 })
})
afterAll(async () => {
  await pool.close()
  await sandbox.stop()
  await server.stop()
})

const address = {
  first_name: 'John',
  last_name: 'Smith',
  company: '',
  address1: '123 abc street',
  address2: 'apt 1',
  city: 'Boston',
  region: 'Massachusetts',
  region_code: 'MA',
  country: 'United States',
  country_code: 'US',
  zip: '02110',
  phone: '5551234567',
}
const order1234 = {
  placed_at: '2013-12-17T17:47:03Z',
  store_id: '1212',
  currency: 'USD',
  total: 335.99,
  customer: {
    id: 'c1',
    email: 'john.smith@klaviyo-demo.com',
    phone_number: '5551234567',
    first_name: 'John',
    last_name: 'Smith',
    address1: '123 Abc st',
    address2: 'Suite 1',
    city: 'Boston',
    region: 'MA',
    zip: '02110',
    country: 'USA',
  },
  billing_address: address,
  shipping_address: address,
  items: [{ product_id: '1111', item_price: 330 }, { product_id: '1112' }],
}

describe('the brief’s order 1234', () => {
  beforeAll(async () => {
    await server.ask('PUT', '/v1/stores/1212', {
      title: 'Boston store',
      city: 'Boston',
      country_code: 'US',
    })
    await server.ask('POST', '/v1/products/batch', {
      products: [
        {
          id: '1111',
          sku: 'LC-8QT',
          title: '8 quart Dutch Oven',
          price: 330,
          brand: 'Le Creuset',
          image_link: 'http://www.example.com/path/to/product/image.png',
          categories: ['Kitchen Supplies', 'Cooking'],
        },
        {
          id: '1112',
          sku: 'BC-TKYBST',
          title: 'Turkey Baster',
          price: 5.99,
          brand: 'Betty Crocker',
          image_link: 'http://www.example.com/path/to/product/image2.png',
          categories: ['Kitchen Supplies', 'Preparation'],
        },
      ],
    })
  })

  test('is recorded by one PUT; repeating it changes nothing and enqueues nothing', async () => {
    const first = await server.ask('PUT', '/v1/orders/1234', order1234)
    expect(first.status).toBe(201)
    const again = await server.ask('PUT', '/v1/orders/1234', order1234)
    expect(again.status).toBe(200)
    expect(again.body).toEqual(first.body)
    expect(first.body).toMatchObject({
      id: '1234',
      total: 335.99,
      customer_id: 'c1',
      items: [
        { line: 1, sku: 'LC-8QT', row_total: 330 },
        { line: 2, sku: 'BC-TKYBST', item_price: 5.99, row_total: 5.99 },
      ],
    })
    expect(await uniqueIds('1234')).toEqual(['1234', '1234_LC-8QT', '1234_BC-TKYBST'])
  })

  test('is a conflict under the same id with other content', async () => {
    const other = await server.ask('PUT', '/v1/orders/1234', { ...order1234, total: 1 })
    expect(other.status).toBe(409)
  })

  test('can be fulfilled, cancelled and refunded, each once', async () => {
    const at = { occurred_at: '2013-12-17T20:42:36Z' }
    const reason = { ...at, reason: 'No longer needed' }
    for (const [path, body] of [
      ['fulfillments', { id: 'f1', ...at }],
      ['cancellations', { id: 'x1', ...reason }],
      ['refunds', { id: 'r1', ...reason }],
    ] as const) {
      expect((await server.ask('POST', `/v1/orders/1234/${path}`, body)).status).toBe(201)
      expect((await server.ask('POST', `/v1/orders/1234/${path}`, body)).status).toBe(200)
      const other = await server.ask('POST', `/v1/orders/1234/${path}`, { ...body, value: 1 })
      expect(other.status).toBe(409)
    }
    expect(await uniqueIds('1234')).toHaveLength(6)
  })

  test('sends the brief’s payloads by the Track API, key for key', async () => {
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
    expect(sandbox.state.account.journal.entries).toHaveLength(6)
  })

  test('a visit sends the brief’s Identify payload, and says so at /v1/events', async () => {
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
})

describe('part of an order', () => {
  beforeAll(async () => {
    await server.ask('PUT', '/v1/orders/p1', {
      ...order1234,
      items: [{ product_id: '1111', quantity: 3, item_price: 10 }, { product_id: '1112' }],
    })
  })

  test('refunds what its lines cost, in proportion, and tells which were and which were not', async () => {
    const refund = { id: 'r1', items: [{ line: 1, quantity: 2 }] }
    expect((await server.ask('POST', '/v1/orders/p1/refunds', refund)).status).toBe(201)
    await sendByTrack()
    const { body } = await server.ask('GET', '/v1/events?order_id=p1&metric=refunded_order')
    expect(body).toMatchObject({
      events: [
        {
          unique_id: 'p1',
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

  test('cannot be more than was ordered, nor a line that was not', async () => {
    const refund = { id: 'r2', items: [{ line: 1, quantity: 2 }, { line: 9 }] }
    const { status, body } = await server.ask('POST', '/v1/orders/p1/refunds', refund)
    expect(status).toBe(422)
    expect(body).toMatchObject({
      errors: [
        { field: 'items.0.quantity', detail: 'of line 1 only 1 are left' },
        { field: 'items.1.line', detail: 'the order has no line 9' },
      ],
    })
  })

  test('two refunds at once cannot exceed it together', async () => {
    const refund = (id: string) => ({ id, items: [{ line: 1, quantity: 1 }] })
    const both = await Promise.all(
      ['a', 'b'].map((id) => server.ask('POST', '/v1/orders/p1/refunds', refund(id))),
    )
    expect(both.map(({ status }) => status).sort()).toEqual([201, 422])
  })

  test('a later refund takes an id of its own', async () => {
    const ids = await uniqueIds('p1', 'refunded_order')
    expect(ids[0]).toBe('p1')
    expect(ids[1]).toMatch(/^p1_[ab]$/)
  })
})

test('the same order written ten times at once is recorded once', async () => {
  const put = () => server.ask('PUT', '/v1/orders/once', order1234)
  const answers = await Promise.all(Array.from({ length: 10 }, put))
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201])
  expect(await uniqueIds('once')).toHaveLength(3)
})

test('an order with faults is refused, naming each, and nothing is stored', async () => {
  const { status, body } = await server.ask('PUT', '/v1/orders/bad', {
    placed_at: '2999-01-01T00:00:00Z',
    store_id: '1212',
    currency: 'XXZ',
    total: 'much',
    customer: { first_name: 'Nobody' },
    items: [{ product_id: '1111', quantity: -1 }],
    typo: 1,
  })
  expect(status).toBe(422)
  const fields = z.object({ errors: z.array(z.object({ field: z.string() })) }).parse(body)
  expect(fields.errors.map(({ field }) => field).sort()).toEqual([
    'currency',
    'customer',
    'items.0.quantity',
    'placed_at',
    'total',
    'typo',
  ])
  expect((await server.ask('GET', '/v1/orders/bad')).status).toBe(404)
})

test('an order in an unknown store is refused', async () => {
  const order = { ...order1234, store_id: 'nowhere' }
  const { status, body } = await server.ask('PUT', '/v1/orders/lost', order)
  expect(status).toBe(422)
  expect(body).toMatchObject({ errors: [{ field: 'store_id' }] })
})

test('a bad telephone and a bad e-mail never cost the order: they are left out, with a warning', async () => {
  const customer = { id: 'c9', email: 'not an address', phone_number: '+16175550123' }
  await server.ask('PUT', '/v1/orders/w1', { ...order1234, customer })
  await sendByTrack()
  const { body } = await server.ask('GET', '/v1/events?order_id=w1&metric=placed_order')
  expect(body).toMatchObject({
    events: [{ status: 'sent', warnings: ['email left out: Klaviyo would refuse it'] }],
  })
})

test('orders are listed by customer and period, page by page', async () => {
  const { body } = await server.ask('GET', '/v1/orders?customer_id=c1&limit=2')
  const page = z.object({ orders: z.array(z.object({ id: z.string() })), next_cursor: z.string() })
  const { orders, next_cursor } = page.parse(body)
  expect(orders.map(({ id }) => id)).toEqual(['1234', 'once'])
  const next = await server.ask('GET', `/v1/orders?customer_id=c1&limit=2&cursor=${next_cursor}`)
  expect(next.body).toMatchObject({ orders: [{ id: 'p1' }], next_cursor: null })
})

async function uniqueIds(orderId: string, metric?: string): Promise<string[]> {
  const rows = await server.database.db.execute<{ unique_id: string }>(sql`
    select unique_id from outbox where order_id = ${orderId} and (${metric ?? null}::text is null or metric = ${metric ?? null}) order by id`)
  return rows.map((row) => row.unique_id)
}

async function sendByTrack(): Promise<void> {
  const options = { url: sandbox.url, apiKey: null, share: unlimited, log: silent }
  const transport = trackTransport('PUBLIC_API_KEY')
  const post = { client: createClient(options), transport, names }
  const { signal } = new AbortController()
  await drain('events', { db: pool.db, post, log: silent }, signal)
  await drain('profiles', { db: pool.db, post, log: silent }, signal)
}
