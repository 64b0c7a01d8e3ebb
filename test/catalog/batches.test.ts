/** A batch is written completely or not at all. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('POST', '/v1/stores', { id: 'store', title: 'Store' })
  await server.ask('POST', '/v1/products', { id: 'product', title: 'Product' })
})
afterAll(() => server.stop())

const inputs = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `${prefix}-${n}`, title: `${prefix} ${n}` }))

async function countOf(prefix: string): Promise<number> {
  const [row] = await server.database.db.execute<{ count: number }>(
    sql`select count(*)::int from products where starts_with(id, ${prefix})`,
  )
  return row?.count ?? 0
}

test('a batch returns how many were created, updated in fields or links, and left unchanged', async () => {
  const first = inputs('mixed', 4)
  const made = await server.ask('POST', '/v1/products/batch', { products: first })
  expect([made.status, made.body]).toEqual([200, { created: 4, updated: 0, unchanged: 0 }])
  const [zero, one, two, three] = first
  const again = await server.ask('POST', '/v1/products/batch', {
    products: [
      { id: 'mixed-4', title: 'New', store_ids: ['store'] },
      { ...one, price: 5 },
      { ...zero, store_ids: ['store'] },
      { ...two, brand: 'b', store_ids: ['store'] },
      three,
    ],
  })
  expect(again.body).toEqual({ created: 1, updated: 3, unchanged: 1 })
})

test.each([
  ['products', { id: 'tied', title: 'Tied', store_ids: ['store'] }, { store_ids: [] }],
  ['stores', { id: 'tied-store', title: 'Tied', product_ids: ['product'] }, { product_ids: [] }],
])('in a batch of %s, links that go or stay count as what they are', async (kind, tied, untied) => {
  const send = async (draft: object) =>
    (await server.ask('POST', `/v1/${kind}/batch`, { [kind]: [draft] })).body
  expect(await send(tied)).toEqual({ created: 1, updated: 0, unchanged: 0 })
  expect(await send(tied)).toEqual({ created: 0, updated: 0, unchanged: 1 })
  expect(await send({ ...tied, ...untied })).toEqual({ created: 0, updated: 1, unchanged: 0 })
  expect(await send({ ...tied, ...untied })).toEqual({ created: 0, updated: 0, unchanged: 1 })
})

test('a batch of stores works alike', async () => {
  const { status, body } = await server.ask('POST', '/v1/stores/batch', {
    stores: [
      { id: 'batch-1', title: 'One', product_ids: ['product'] },
      { id: 'batch-2', title: 'Two' },
    ],
  })
  expect([status, body]).toEqual([200, { created: 2, updated: 0, unchanged: 0 }])
  const linked = await server.ask('GET', '/v1/products/product')
  expect(linked.body).toMatchObject({ store_ids: ['batch-1'] })
})

test('a thousand fit into a batch; a thousand and one, or none, are rejected', async () => {
  const most = await server.ask('POST', '/v1/products/batch', { products: inputs('most', 1000) })
  expect(most.body).toEqual({ created: 1000, updated: 0, unchanged: 0 })
  for (const count of [0, 1001]) {
    const answer = await server.ask('POST', '/v1/products/batch', {
      products: inputs('over', count),
    })
    expect(answer.status).toBe(422)
    expect(answer.body).toMatchObject({ errors: [{ field: 'products' }] })
  }
  expect(await countOf('over')).toBe(0)
})

test('one faulty record fails the whole batch, and every error names its index', async () => {
  const answer = await server.ask('POST', '/v1/products/batch', {
    products: [
      { id: 'faulty-0', title: 'fine' },
      { id: 'faulty,1', title: ' ', price: -1, colour: 'red' },
      { title: 'no id', metadata: { deep: { er: 1 } } },
    ],
  })
  expect(answer.status).toBe(422)
  expect(faultyFields(answer).sort()).toEqual([
    'products.1.colour',
    'products.1.id',
    'products.1.price',
    'products.1.title',
    'products.2.id',
    'products.2.metadata.deep',
  ])
  expect(await countOf('faulty')).toBe(0)
})

test('an id that is repeated fails the batch', async () => {
  const products = [...inputs('twice', 3), { id: 'twice-1', title: 'again' }]
  const answer = await server.ask('POST', '/v1/products/batch', { products })
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({
    errors: [{ field: 'products.3.id', detail: '"twice-1" is already used earlier in the batch' }],
  })
  expect(await countOf('twice')).toBe(0)
})

test('an id of a store fails a batch of products', async () => {
  const products = [...inputs('clash', 2), { id: 'store', title: 'clash' }]
  const answer = await server.ask('POST', '/v1/products/batch', { products })
  expect(answer.status).toBe(409)
  expect(answer.body).toMatchObject({
    errors: [{ field: 'products.2.id', detail: '"store" is used by a store' }],
  })
  expect(await countOf('clash')).toBe(0)
})

test('unknown links fail the batch, and are named at each index', async () => {
  const [first, second] = inputs('unknown', 2)
  const answer = await server.ask('POST', '/v1/products/batch', {
    products: [
      { ...first, store_ids: ['store', 'nowhere'] },
      { ...second, store_ids: ['nowhere', 'product'] },
    ],
  })
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({
    detail: 'Unknown stores in store_ids.',
    errors: [
      { field: 'products.0.store_ids', detail: 'unknown store "nowhere"' },
      {
        field: 'products.1.store_ids',
        detail: 'unknown store "nowhere", "product"',
      },
    ],
  })
  expect(await countOf('unknown')).toBe(0)
})
