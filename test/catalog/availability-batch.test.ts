/** Many links between products and stores in one request. */
import { afterAll, beforeEach, expect, test } from 'vitest'
import { startTestServer } from '../support/server.ts'

const server = await startTestServer()
afterAll(() => server.stop())
beforeEach(async () => {
  const all = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ id: `${count}-${n}`, title: 'T' }))
  await server.ask('POST', '/v1/stores/batch', { stores: all(3) })
  await server.ask('POST', '/v1/products/batch', {
    products: all(4).map((product) => ({ ...product, store_ids: ['3-0'] })),
  })
})

const link = (product: number, store: number) => ({
  product_id: `4-${product}`,
  store_id: `3-${store}`,
})
const change = (body: object) => server.ask('POST', '/v1/availability/batch', body)
const storesOf = async (product: number) =>
  (await server.ask('GET', `/v1/products/4-${product}`)).body

test('links are added and removed, and the feed shows it', async () => {
  const answer = await change({ add: [link(0, 1), link(1, 2)], remove: [link(0, 0)] })
  expect([answer.status, answer.body]).toEqual([200, { added: 2, removed: 1, unchanged: 0 }])
  expect(await storesOf(0)).toMatchObject({ store_ids: ['3-1'] })
  const feed = await server.ask('GET', '/feeds/products.json')
  expect(feed.body).toContainEqual(expect.objectContaining({ $id: '4-1', store_ids: '3-0,3-2' }))
})

test('the same change again, and a link named twice, change nothing', async () => {
  const body = { add: [link(0, 1), link(0, 1)], remove: [link(1, 0), link(3, 2)] }
  expect((await change(body)).body).toEqual({ added: 1, removed: 1, unchanged: 2 })
  expect((await change(body)).body).toEqual({ added: 0, removed: 0, unchanged: 4 })
  expect((await change({ remove: [{ product_id: 'never', store_id: 'was' }] })).body).toEqual({
    added: 0,
    removed: 0,
    unchanged: 1,
  })
})

test('every unknown product and store is named, and nothing is written', async () => {
  const unknown = { product_id: 'x', store_id: 'y' }
  const answer = await change({ add: [link(0, 1), unknown], remove: [link(0, 0)] })
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({
    errors: [
      { field: 'add.1.product_id', detail: 'unknown product "x"' },
      { field: 'add.1.store_id', detail: 'unknown store "y"' },
    ],
  })
  expect(await storesOf(0)).toMatchObject({ store_ids: ['3-0'] })
})

test.each([
  [{ add: [link(0, 1)], remove: [link(0, 1)] }, 'remove.0'],
  [{ add: [{ product_id: '4-0' }] }, 'add.0.store_id'],
  [{ add: Array.from({ length: 10_001 }, () => link(0, 1)) }, 'add'],
  [{ add: Array(6_000).fill(link(0, 1)), remove: Array(6_000).fill(link(0, 0)) }, ''],
  [{ added: [] }, 'added'],
])('the batch %# is rejected by its field', async (body, field) => {
  const answer = await change(body)
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({ errors: [{ field }] })
})

test('10,000 links are changed at once', async () => {
  const stores = Array.from({ length: 100 }, (_, n) => ({ id: `many-s${n}`, title: 'S' }))
  const products = Array.from({ length: 100 }, (_, n) => ({ id: `many-p${n}`, title: 'P' }))
  await server.ask('POST', '/v1/stores/batch', { stores })
  await server.ask('POST', '/v1/products/batch', { products })
  const all = products.flatMap((product) =>
    stores.map((store) => ({ product_id: product.id, store_id: store.id })),
  )
  expect((await change({ add: all })).body).toEqual({ added: 10_000, removed: 0, unchanged: 0 })
  expect((await change({ remove: all })).body).toEqual({ added: 0, removed: 10_000, unchanged: 0 })
})

test('batches of the same links at the same time all succeed', async () => {
  const add = Array.from({ length: 4 }, (_, n) => link(n, 1))
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      n % 2 ? change({ add }) : change({ remove: add.toReversed() }),
    ),
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
})
