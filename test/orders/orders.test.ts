import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { heldTogether } from '../support/lock-waits.ts'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'
import { order1234, stockShop } from './guide-order.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await stockShop(server)
})
afterAll(() => server.stop())

async function uniqueIds(orderId: string): Promise<string[]> {
  const rows = await server.database.db.execute<{ unique_id: string }>(
    sql`select unique_id from outbox where order_id = ${orderId} order by id`,
  )
  return rows.map((row) => row.unique_id)
}

test('an order is recorded by one PUT; repeating it changes nothing and enqueues nothing', async () => {
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

test.each([
  ['placed_at', { placed_at: '2013-12-18T17:47:03Z' }],
  ['customer', { customer: { id: 'c2' } }],
  ['store_id', { store_id: 'airport' }],
  ['currency', { currency: 'CHF' }],
])(
  'another %s under the same id is another order: a conflict that changes nothing',
  async (field, change) => {
    const path = `/v1/orders/other-${field}`
    const first = await server.ask('PUT', path, order1234)
    expect(first.status).toBe(201)
    const other = await server.ask('PUT', path, { ...order1234, ...change, total: 1 })
    expect(other.status).toBe(409)
    expect(other.body).toMatchObject({ errors: [{ field }] })
    expect((await server.ask('GET', path)).body).toEqual(first.body)
  },
)

test('an order has the currency that it names, else that of the settings', async () => {
  const { currency, ...rest } = order1234
  const named = await server.ask('PUT', '/v1/orders/chf', { ...rest, currency: 'CHF' })
  expect(named.body).toMatchObject({ currency: 'CHF' })
  const unnamed = await server.ask('PUT', '/v1/orders/usd', rest)
  expect(unnamed.body).toMatchObject({ currency: 'USD' })
})

test('an item is the line that it names, else that of its place; no line stands twice', async () => {
  const [first, second] = order1234.items
  const put = (line: number) =>
    server.ask('PUT', `/v1/orders/line-${line}`, {
      ...order1234,
      items: [{ ...first, line }, second],
    })
  expect((await put(7)).body).toMatchObject({ items: [{ line: 2 }, { line: 7 }] })
  const { status, body } = await put(2)
  expect(status).toBe(422)
  expect(body).toMatchObject({ errors: [{ field: 'items', detail: 'names a line twice' }] })
})

test('the same order with its keys in another order is the same', async () => {
  const order = { ...order1234, metadata: { till: 4, gift: true, cashier: 'Ada' } }
  const first = await server.ask('PUT', '/v1/orders/keys', order)
  expect(first.status).toBe(201)
  const again = await server.ask('PUT', '/v1/orders/keys', backwards(order))
  expect([again.status, again.body]).toEqual([200, first.body])
})

/** The keys of each object in it last to first; lists stay. */
function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, backwards(inner)])
  return Object.fromEntries(entries.toReversed())
}

test('the same order written ten times at once is recorded once', async () => {
  const put = () => server.ask('PUT', '/v1/orders/once', order1234)
  const answers = await Promise.all(Array.from({ length: 10 }, put))
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201])
  expect(await uniqueIds('once')).toHaveLength(3)
})

test('of two different orders at once under one id one is recorded, the other is a conflict', async () => {
  const answers = await heldTogether(
    server.database.db,
    sql`lock table orders in share mode`,
    [10, 20].map((total) => () => {
      const customer = { id: `two-${total}` }
      return server.ask('PUT', '/v1/orders/two', { ...order1234, total, customer })
    }),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
  const recorded = answers.find(({ status }) => status === 201)
  expect((await server.ask('GET', '/v1/orders/two')).body).toEqual(recorded?.body)
  expect(await uniqueIds('two')).toHaveLength(3)
})

test('an order with faults is rejected, naming each, and nothing is stored', async () => {
  const answer = await server.ask('PUT', '/v1/orders/bad', {
    placed_at: '2999-01-01T00:00:00Z',
    store_id: '1212',
    currency: 'XXZ',
    total: 'much',
    customer: { first_name: 'Nobody' },
    items: [{ product_id: '1111', quantity: 0 }],
    typo: 1,
  })
  expect(answer.status).toBe(422)
  expect(faultyFields(answer).sort()).toEqual([
    'currency',
    'customer',
    'items.0.quantity',
    'placed_at',
    'total',
    'typo',
  ])
  expect((await server.ask('GET', '/v1/orders/bad')).status).toBe(404)
})

test('an order in an unknown store is recorded', async () => {
  const order = { ...order1234, store_id: 'nowhere' }
  const { status, body } = await server.ask('PUT', '/v1/orders/lost', order)
  expect(status).toBe(201)
  expect(body).toMatchObject({ store_id: 'nowhere' })
})

/** Ids, page by page. */
async function listed(query: string): Promise<string[][]> {
  const pages: string[][] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const more = cursor && `&cursor=${encodeURIComponent(cursor)}`
    const { body } = await server.ask('GET', `/v1/orders?${query}${more}`)
    const page = body as { orders: { id: string }[]; next_cursor: string | null }
    pages.push(page.orders.map(({ id }) => id))
    cursor = page.next_cursor
  }
  return pages
}

test('orders are listed by customer, store and period, page by page', async () => {
  const place = (id: string, placed_at: string, more: object = {}) =>
    server.ask('PUT', `/v1/orders/${id}`, {
      ...order1234,
      customer: { id: 'lister' },
      store_id: null,
      placed_at,
      ...more,
    })
  await server.ask('PUT', '/v1/stores/listed', { title: 'Listed' })
  await place('list-3', '2025-03-01T00:00:00Z')
  await place('list-1', '2025-01-01T00:00:00Z', { store_id: 'listed' })
  await place('list-2', '2025-02-01T00:00:00Z')
  await place('list-4', '2025-02-01T00:00:00Z', { customer: { id: 'x' }, store_id: 'listed' })
  const theirs = 'customer_id=lister'
  expect(await listed(theirs)).toEqual([['list-1', 'list-2', 'list-3']])
  expect(await listed(`${theirs}&limit=3`)).toEqual([['list-1', 'list-2', 'list-3']])
  expect(await listed(`${theirs}&limit=2`)).toEqual([['list-1', 'list-2'], ['list-3']])
  expect(await listed('store_id=listed')).toEqual([['list-1', 'list-4']])
  expect(await listed(`${theirs}&store_id=listed`)).toEqual([['list-1']])
  const [first, third] = ['2025-01-01T00:00:00Z', '2025-03-01T00:00:00Z']
  expect(await listed(`${theirs}&placed_since=${first}`)).toEqual([['list-1', 'list-2', 'list-3']])
  expect(await listed(`${theirs}&placed_until=${third}`)).toEqual([['list-1', 'list-2']])
  expect(await listed(`${theirs}&placed_since=${third}`)).toEqual([['list-3']])
})

test('a line that costs more than there is room for is told, also with the price of its product', async () => {
  await server.ask('PUT', '/v1/products/dear', { title: 'Dear', price: 9_999_999_999 })
  const place = (item: object) =>
    server.ask('PUT', '/v1/orders/dear-1', { total: 1, items: [item] })
  for (const item of [
    { product_id: 'dear', quantity: 1.01 },
    { product_id: 'dear', quantity: -1.01 },
    { product_name: 'Dear', item_price: 9_999_999_999, quantity: 2 },
  ]) {
    const answer = await place(item)
    expect([answer.status, faultyFields(answer)]).toEqual([422, ['items']])
    expect(answer.text).toContain('quantity times its price')
  }
  expect((await place({ product_id: 'dear' })).status).toBe(201)
  const amended = await place({ product_id: 'dear', quantity: 2 })
  expect([amended.status, faultyFields(amended)]).toEqual([422, ['items']])
})
