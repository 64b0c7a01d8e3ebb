/** Many records patched in one request, all or nothing. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { startTestServer } from '../support/server.ts'

const server = await startTestServer()
afterAll(() => server.stop())
beforeEach(async () => {
  await server.ask('POST', '/v1/stores/batch', { stores: [{ id: 's', title: 'S' }] })
  await server.ask('POST', '/v1/products/batch', {
    products: ['a', 'b', 'c'].map((id) => ({
      id,
      title: id,
      price: 1,
      brand: 'B',
      metadata: { color: 'red', size: 1 },
      store_ids: [],
    })),
  })
})

const patch = (products: object[]) => server.ask('PATCH', '/v1/products', { products })
const read = async (id: string) => (await server.ask('GET', `/v1/products/${id}`)).body
const etagOf = async (id: string) =>
  (await server.ask('GET', `/v1/products/${id}`)).headers.get('ETag') ?? ''

test('each patch changes what it names, and the new ETags are answered', async () => {
  const answer = await patch([
    { id: 'c', price: 3, metadata: { size: null, weight: 2 }, store_ids: ['s'] },
    { id: 'a', brand: null },
    { id: 'b', price: 1 },
  ])
  expect([answer.status, answer.body]).toEqual([
    200,
    {
      updated: 2,
      unchanged: 1,
      etags: Object.fromEntries(
        await Promise.all(
          ['a', 'b', 'c'].map(async (id) => [id, (await etagOf(id)).replaceAll('"', '')]),
        ),
      ),
    },
  ])
  expect(await read('c')).toMatchObject({
    price: 3,
    brand: 'B',
    metadata: { color: 'red', weight: 2 },
    store_ids: ['s'],
  })
  expect(await read('a')).toMatchObject({ brand: null, price: 1 })
})

test('an ETag of a list or of a header is what the record must have; of another one all is left', async () => {
  const [a, b] = [await etagOf('a'), (await etagOf('b')).replaceAll('"', '')]
  const both = (price: number) =>
    patch([
      { id: 'a', if_match: a, price },
      { id: 'b', if_match: b, price },
    ])
  expect((await both(5)).status).toBe(200)
  const again = await both(6)
  expect([again.status, again.body]).toMatchObject([
    412,
    {
      type: 'urn:storefeed:precondition-failed',
      errors: [
        { field: 'products.0.if_match', detail: '"a" has changed since: read it again' },
        { field: 'products.1.if_match' },
      ],
    },
  ])
  expect(await read('a')).toMatchObject({ price: 5 })
})

test.each([
  [[{ id: 'a' }, { id: 'b', price: '9,90' }], 'products.1.price'],
  [[{ id: 'a', title: null }], 'products.0.title'],
  [[{ id: 'a', price: 2 }, { id: 'nobody' }], 'products.1.id'],
  [[{ id: 'a' }, { id: 'a' }], 'products.1.id'],
  [[{ id: 'a', store_ids: ['nowhere'] }], 'products.0.store_ids'],
  [[{ price: 2 }], 'products.0.id'],
  [[{ id: 'a', color: 'red' }], 'products.0.color'],
  [[], 'products'],
  [Array.from({ length: 1001 }, (_, n) => ({ id: `${n}` })), 'products'],
])('nothing is written by the patches %#, whose fault is named', async (patches, field) => {
  const answer = await patch(patches)
  expect([answer.status, answer.body]).toMatchObject([422, { errors: [{ field }] }])
  expect(await read('a')).toMatchObject({ price: 1 })
})

test('own fields of the record and of the patch together keep their bound', async () => {
  const many = Object.fromEntries(Array.from({ length: 99 }, (_, n) => [`k${n}`, n]))
  expect((await patch([{ id: 'a' }, { id: 'b', metadata: many }])).body).toMatchObject({
    errors: [{ field: 'products.1.metadata', detail: 'may hold at most 100 keys' }],
  })
  expect(await read('b')).toMatchObject({ metadata: { color: 'red', size: 1 } })
})

test('stores are patched alike', async () => {
  const answer = await server.ask('PATCH', '/v1/stores', {
    stores: [{ id: 's', city: 'Salem', product_ids: ['a'] }],
  })
  expect(answer.body).toMatchObject({ updated: 1, unchanged: 0 })
  expect((await server.ask('GET', '/v1/stores/s')).body).toMatchObject({
    city: 'Salem',
    product_ids: ['a'],
  })
})

test('1,000 are patched at once, by writers in opposite orders', async () => {
  await server.database.db.execute(
    sql`insert into products (id, title) select 'n' || n, 'T' from generate_series(1, 1000) n`,
  )
  const answers = await Promise.all(
    [1, 2, 3, 4].map((writer) => {
      const patches = Array.from({ length: 1000 }, (_, n) => ({ id: `n${n + 1}`, price: writer }))
      return patch(writer % 2 ? patches : patches.toReversed())
    }),
  )
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  const prices = await server.database.db.execute(
    sql`select distinct price from products where starts_with(id, 'n')`,
  )
  expect(prices).toHaveLength(1)
})
