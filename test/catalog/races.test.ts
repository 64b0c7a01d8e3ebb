/** Concurrent writers lose nothing and get no 5xx. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

test('batches of the same ids in opposite orders all go through', async () => {
  const ids = numbers(100).map((n) => `order-${n}`)
  const answers = await Promise.all(
    numbers(12).map((writer) => {
      const products = ids.map((id) => ({ id, title: `by ${writer}`, price: writer }))
      if (writer % 2 === 1) products.reverse()
      return server.ask('POST', '/v1/products/batch', { products })
    }),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200))
  const prices = await server.database.db.execute(
    sql`select distinct price from products where starts_with(id, 'order-')`,
  )
  expect(prices).toHaveLength(1)
})

test('batches from both sides, whose records link each other in a circle, all go through', async () => {
  const products = numbers(20).map((n) => ({ id: `p${n}`, title: 'p' }))
  const stores = numbers(20).map((n) => ({ id: `s${n}`, title: 's' }))
  await server.ask('POST', '/v1/products/batch', { products })
  await server.ask('POST', '/v1/stores/batch', { stores })
  const [store_ids, product_ids] = [stores.map(({ id }) => id), products.map(({ id }) => id)]
  const answers = await Promise.all(
    numbers(10).flatMap((round) => [
      server.ask('POST', '/v1/products/batch', {
        products: products.map((one, n) => ({
          ...one,
          title: `p ${round}`,
          store_ids: round % 2 ? store_ids : store_ids.slice(n),
        })),
      }),
      server.ask('POST', '/v1/stores/batch', {
        stores: stores.toReversed().map((one) => ({ ...one, title: `s ${round}`, product_ids })),
      }),
    ]),
  )
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
})

test('parallel patches of different fields of one product lose nothing', async () => {
  await server.ask('PUT', '/v1/products/patched', { title: 'start' })
  const fields = { title: 'T', sku: 'S', brand: 'B', price: 1, link: 'L', description: 'D' }
  const patches = [
    ...Object.entries(fields).map(([field, value]) => ({ [field]: value })),
    ...numbers(10).map((n) => ({ metadata: { [`k${n}`]: n } })),
  ]
  const answers = await Promise.all(
    patches.map((patch) => server.ask('PATCH', '/v1/products/patched', patch)),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  const metadata = Object.fromEntries(numbers(10).map((n) => [`k${n}`, n]))
  expect((await server.ask('GET', '/v1/products/patched')).body).toMatchObject({
    ...fields,
    metadata,
  })
})

test('of parallel attempts to make one id, exactly one does', async () => {
  const answers = await Promise.all(
    numbers(12).map((n) => server.ask('POST', '/v1/products', { id: 'one', title: `try ${n}` })),
  )
  const statuses = answers.map(({ status }) => status).sort()
  expect(statuses).toEqual([201, ...Array(11).fill(409)])
  const made = answers.find(({ status }) => status === 201)
  expect((await server.ask('GET', '/v1/products/one')).body).toEqual(made?.body)
})

test('of parallel PUTs of one new id, exactly one makes it', async () => {
  const answers = await Promise.all(
    numbers(12).map((n) => server.ask('PUT', '/v1/products/put', { title: `try ${n}` })),
  )
  const statuses = answers.map(({ status }) => status).sort()
  expect(statuses).toEqual([...Array(11).fill(200), 201])
})

test('of parallel changes with the same If-Match, exactly one goes through', async () => {
  const { headers } = await server.ask('PUT', '/v1/products/etag', { title: 'start' })
  const ifMatch = { 'If-Match': headers.get('ETag') ?? '' }
  const answers = await Promise.all(
    numbers(12).map((n) => server.ask('PATCH', '/v1/products/etag', { title: `${n}` }, ifMatch)),
  )
  const statuses = answers.map(({ status }) => status).sort()
  expect(statuses).toEqual([200, ...Array(11).fill(412)])
})

test('links set while their store is removed get a 4xx, never a 5xx', async () => {
  await server.ask('PUT', '/v1/products/l1', { title: 'l1' })
  for (let round = 0; round < 8; round++) {
    const store = `closing-${round}`
    await server.ask('PUT', `/v1/stores/${store}`, { title: store })
    const answers = await Promise.all([
      server.ask('PUT', `/v1/products/l1/stores/${store}`),
      server.ask('PUT', `/v1/stores/${store}/products/l1`),
      server.ask('PATCH', '/v1/products/l1', { store_ids: [store] }),
      server.ask('DELETE', `/v1/stores/${store}`),
      server.ask('PUT', `/v1/products/l1/stores/${store}`),
      server.ask('PUT', '/v1/products/l1', { title: `round ${round}`, store_ids: [store] }),
      server.ask('DELETE', `/v1/stores/${store}/products/l1`),
    ])
    expect(answers.filter(({ status }) => status >= 500)).toEqual([])
    expect((await server.ask('GET', '/v1/products/l1')).body).toMatchObject({ store_ids: [] })
  }
})
