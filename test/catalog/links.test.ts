/** Single links between a product and a store, from either side. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('POST', '/v1/stores', { id: 'a/store', title: 'Store' })
  await server.ask('POST', '/v1/products', { id: '50% off', title: 'Product' })
})
afterAll(() => server.stop())

const product = '/v1/products/50%25%20off'
const store = '/v1/stores/a%2Fstore'
const sides = [
  { side: 'product', path: `${product}/stores/a%2Fstore` },
  { side: 'store', path: `${store}/products/50%25%20off` },
]

test.each(sides)('a link is set and removed from the side of the $side', async ({ path }) => {
  const set = await server.ask('PUT', path)
  expect([set.status, set.text]).toEqual([204, ''])
  expect((await server.ask('PUT', path)).status).toBe(204)
  expect((await server.ask('GET', product)).body).toMatchObject({ store_ids: ['a/store'] })
  expect((await server.ask('GET', store)).body).toMatchObject({ product_ids: ['50% off'] })

  expect((await server.ask('DELETE', path)).status).toBe(204)
  const again = await server.ask('DELETE', path)
  expect(again.status).toBe(404)
  expect(again.body).toMatchObject({
    detail: 'The product "50% off" is not sold in the store "a/store".',
  })
  expect((await server.ask('GET', product)).body).toMatchObject({ store_ids: [] })
})

test('a link to or from what does not exist is rejected by name', async () => {
  const noStore = await server.ask('PUT', `${product}/stores/nowhere`)
  expect(noStore.status).toBe(404)
  expect(noStore.body).toMatchObject({ detail: 'There is no store with the id "nowhere".' })
  const noProduct = await server.ask('PUT', `${store}/products/nothing`)
  expect(noProduct.body).toMatchObject({ detail: 'There is no product with the id "nothing".' })
})

test('both ids of a link are checked at once', async () => {
  const answer = await server.ask('PUT', '/v1/products/a,b/stores/%20c')
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({ errors: [{ field: 'product_id' }, { field: 'store_id' }] })
})

test('unknown links in a body are rejected by name, and nothing of the body is written', async () => {
  const answer = await server.ask('PATCH', product, {
    title: 'Half written',
    store_ids: ['a/store', 'x', 'y'],
  })
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({
    errors: [{ field: 'store_ids', detail: 'unknown store "x", "y"' }],
  })
  expect((await server.ask('GET', product)).body).toMatchObject({ title: 'Product', store_ids: [] })
  const made = await server.ask('POST', '/v1/stores', {
    id: 's2',
    title: 'S',
    product_ids: ['50% off', 'x'],
  })
  expect(made.body).toMatchObject({
    errors: [{ field: 'product_ids', detail: 'unknown product "x"' }],
  })
  expect((await server.ask('GET', '/v1/stores/s2')).status).toBe(404)
})

test('a link that stands twice in a body is rejected', async () => {
  const answer = await server.ask('PATCH', product, { store_ids: ['a/store', 'a/store'] })
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({
    errors: [{ field: 'store_ids', detail: 'names an id twice' }],
  })
})
