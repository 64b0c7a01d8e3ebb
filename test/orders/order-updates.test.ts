import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { heldTogether } from '../support/lock-waits.ts'
import { type Answer, startTestServer, type TestServer } from '../support/server.ts'
import { order1234, stockShop } from './guide-order.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await stockShop(server)
})
afterAll(() => server.stop())

/** An order of so many pieces on its first line and one on its second. */
function buy(id: string, pieces: number): Promise<Answer> {
  const items = [{ product_id: '1111', quantity: pieces, item_price: 10 }, { product_id: '1112' }]
  return server.ask('PUT', `/v1/orders/${id}`, { ...order1234, items })
}

const update = (id: string, path: 'fulfillments' | 'cancellations' | 'refunds', body: object) =>
  server.ask('POST', `/v1/orders/${id}/${path}`, body)

async function uniqueIds(orderId: string, metric: string): Promise<string[]> {
  const rows = await server.database.db.execute<{ unique_id: string }>(
    sql`select unique_id from outbox where order_id = ${orderId} and metric = ${metric} order by id`,
  )
  return rows.map((row) => row.unique_id)
}

test.each([
  ['fulfillments', 'fulfilled'],
  ['cancellations', 'cancelled'],
  ['refunds', 'refunded'],
] as const)(
  'of %s the same again changes nothing, and another of the same id is a conflict',
  async (path, kind) => {
    const id = `each-${kind}`
    await buy(id, 1)
    const first = { id: 'u1', occurred_at: '2013-12-17T20:42:36Z', reason: 'No longer needed' }
    const made = await update(id, path, first)
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ id: 'u1', kind, reason: 'No longer needed' })
    const again = await update(id, path, first)
    expect([again.status, again.body]).toEqual([200, made.body])
    expect((await update(id, path, { ...first, value: 1 })).status).toBe(409)
    expect(await uniqueIds(id, `${kind}_order`)).toEqual([id])
  },
)

test('an order shows its updates in the order in which they happened, whichever came first', async () => {
  await buy('read', 1)
  await update('read', 'refunds', { id: 'a', occurred_at: '2025-03-01T00:00:00Z' })
  await update('read', 'fulfillments', { id: 'b', occurred_at: '2025-02-01T00:00:00Z' })
  expect((await server.ask('GET', '/v1/orders/read')).body).toMatchObject({
    updates: [
      { id: 'b', kind: 'fulfilled', occurred_at: '2025-02-01T00:00:00+00:00' },
      { id: 'a', kind: 'refunded', occurred_at: '2025-03-01T00:00:00+00:00' },
    ],
  })
})

test('an update of an order that does not exist is rejected', async () => {
  const { status, body } = await update('none', 'refunds', { id: 'r1' })
  expect(status).toBe(404)
  expect(body).toMatchObject({ detail: 'There is no order with the id "none".' })
})

test('no more can be refunded than was ordered, nor a line that was not', async () => {
  await buy('more', 3)
  await update('more', 'refunds', { id: 'r1', items: [{ line: 1, quantity: 2 }] })
  const refund = { id: 'r2', items: [{ line: 1, quantity: 2 }, { line: 9 }] }
  const { status, body } = await update('more', 'refunds', refund)
  expect(status).toBe(422)
  expect(body).toMatchObject({
    errors: [
      { field: 'items.0.quantity', detail: 'line 1 has only 1 left' },
      { field: 'items.1.line', detail: 'the order has no line 9' },
    ],
  })
})

test('what is left of a line is counted for each kind of update by itself', async () => {
  await buy('kinds', 2)
  const both = { items: [{ line: 1, quantity: 2 }] }
  for (const path of ['fulfillments', 'cancellations', 'refunds'] as const) {
    expect((await update('kinds', path, { id: '1', ...both })).status).toBe(201)
    const { status, body } = await update('kinds', path, { id: '2', ...both })
    expect(status).toBe(422)
    expect(body).toMatchObject({ errors: [{ detail: 'line 1 has only 0 left' }] })
  }
})

test('a line without a quantity means all that is left of it', async () => {
  await buy('rest', 3)
  await update('rest', 'refunds', { id: 'r1', items: [{ line: 1, quantity: 0.1 }] })
  const rest = await update('rest', 'refunds', { id: 'r2', items: [{ line: 2 }, { line: 1 }] })
  expect(rest.body).toMatchObject({
    items: [
      { line: 2, quantity: 1 },
      { line: 1, quantity: 2.9 },
    ],
  })
  expect((await update('rest', 'refunds', { id: 'r3', items: [{ line: 1 }] })).status).toBe(422)
})

test('two refunds at once cannot together exceed what was ordered', async () => {
  await buy('at-once', 3)
  const refund = (id: string) => () =>
    update('at-once', 'refunds', { id, items: [{ line: 1, quantity: 2 }] })
  const both = await heldTogether(
    server.database.db,
    sql`lock table order_updates in share mode`,
    ['a', 'b'].map(refund),
  )
  expect(both.map(({ status }) => status).sort()).toEqual([201, 422])
})

test('a later refund is sent under an id of its own', async () => {
  await buy('later', 2)
  for (const id of ['r1', 'r2'])
    await update('later', 'refunds', { id, items: [{ line: 1, quantity: 1 }] })
  expect(await uniqueIds('later', 'refunded_order')).toEqual(['later', 'later_r2'])
})
