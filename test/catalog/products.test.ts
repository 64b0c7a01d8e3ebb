import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('POST', '/v1/stores', { id: 'boston', title: 'Boston' })
  await server.ask('POST', '/v1/stores', { id: 'salem', title: 'Salem' })
})
afterAll(() => server.stop())

const times = { created_at: expect.any(String), updated_at: expect.any(String) }

const oven = {
  id: '1111',
  sku: 'LC-8QT',
  title: '8 quart Dutch Oven',
  description: 'Cast iron.',
  link: 'https://shop.example/oven',
  image_link: 'https://shop.example/oven.jpg',
  price: 330.5,
  categories: ['Kitchen Supplies', 'Pots'],
  brand: 'Le Creuset',
  gtin: '4006381333931',
  in_store_only: true,
  published: false,
  inventory_quantity: 7,
  inventory_policy: 2,
  metadata: { color: 'red', weight: 5.25, oven_safe: true },
  store_ids: ['boston', 'salem'],
}

const bare = {
  sku: null,
  description: null,
  link: null,
  image_link: null,
  price: null,
  categories: [],
  brand: null,
  gtin: null,
  in_store_only: false,
  published: true,
  inventory_quantity: null,
  inventory_policy: null,
  metadata: {},
  store_ids: [],
}

test('a product is made with every field it can have, and read back the same', async () => {
  const made = await server.ask('POST', '/v1/products', oven)
  expect(made.status).toBe(201)
  expect(made.body).toEqual({ ...oven, ...times })
  const read = await server.ask('GET', '/v1/products/1111')
  expect(read.status).toBe(200)
  expect(read.body).toEqual(made.body)
  expect(read.headers.get('ETag')).toBe(made.headers.get('ETag'))
})

test('a product needs an id and a title; every other field takes its default, also when it is null', async () => {
  const sparse = await server.ask('POST', '/v1/products', { id: 'sparse', title: 'Sparse' })
  expect(sparse.status).toBe(201)
  expect(sparse.body).toEqual({ id: 'sparse', title: 'Sparse', ...bare, ...times })
  const { store_ids, ...nulls } = Object.fromEntries(Object.keys(bare).map((key) => [key, null]))
  const nulled = await server.ask('POST', '/v1/products', { ...nulls, id: 'null', title: 'Null' })
  expect(nulled.body).toEqual({ id: 'null', title: 'Null', ...bare, ...times })
})

test('making a product whose id is taken is a conflict and changes nothing', async () => {
  await server.ask('POST', '/v1/products', { id: 'taken', title: 'First' })
  const again = await server.ask('POST', '/v1/products', { id: 'taken', title: 'Second' })
  expect(again.status).toBe(409)
  expect(again.headers.get('Content-Type')).toBe('application/problem+json')
  expect(again.body).toEqual({
    type: 'urn:storefeed:conflict',
    title: 'Conflict',
    status: 409,
    detail: 'The id "taken" is already used by a product.',
    errors: [{ field: 'id', detail: '"taken" is used by a product' }],
  })
  expect((await server.ask('GET', '/v1/products/taken')).body).toMatchObject({ title: 'First' })
})

test('PUT makes what is not there and replaces what is, field by field', async () => {
  const made = await server.ask('PUT', '/v1/products/put', { title: 'One', price: 1, brand: 'B' })
  expect(made.status).toBe(201)
  const replaced = await server.ask('PUT', '/v1/products/put', { id: 'put', title: 'Two' })
  expect(replaced.status).toBe(200)
  expect(replaced.body).toEqual({ id: 'put', title: 'Two', ...bare, ...times })
})

test('PUT rejects a body that names another id than the path, and writes nothing', async () => {
  const answer = await server.ask('PUT', '/v1/products/path', { id: 'body', title: 'x' })
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({
    errors: [{ field: 'id', detail: 'must be "path" or left out' }],
  })
  expect((await server.ask('GET', '/v1/products/path')).status).toBe(404)
  expect((await server.ask('GET', '/v1/products/body')).status).toBe(404)
})

test('links stay when PUT or PATCH leaves them out, and are replaced when given', async () => {
  const linksOf = async () => {
    const { body } = await server.ask('GET', '/v1/products/linked')
    return (body as { store_ids: string[] }).store_ids
  }
  const path = '/v1/products/linked'
  await server.ask('PUT', path, { title: 'L', store_ids: ['salem', 'boston'] })
  expect(await linksOf()).toEqual(['boston', 'salem'])
  await server.ask('PUT', path, { title: 'L2' })
  await server.ask('PATCH', path, { title: 'L3' })
  expect(await linksOf()).toEqual(['boston', 'salem'])
  await server.ask('PUT', path, { title: 'L4', store_ids: ['salem'] })
  expect(await linksOf()).toEqual(['salem'])
  await server.ask('PATCH', path, { store_ids: ['boston'] })
  expect(await linksOf()).toEqual(['boston'])
  await server.ask('PATCH', path, { store_ids: [] })
  expect(await linksOf()).toEqual([])
})

test('PATCH changes what it names, merges metadata key by key, and takes null for the default', async () => {
  await server.ask('PUT', '/v1/products/patched', { ...oven, id: 'patched' })
  const patched = await server.ask('PATCH', '/v1/products/patched', {
    title: 'New title',
    brand: null,
    categories: ['Only'],
    in_store_only: null,
    metadata: { color: null, weight: 6, lid: false },
  })
  expect(patched.status).toBe(200)
  expect(patched.body).toEqual({
    ...oven,
    id: 'patched',
    title: 'New title',
    brand: null,
    categories: ['Only'],
    in_store_only: false,
    metadata: { weight: 6, oven_safe: true, lid: false },
    ...times,
  })
  const emptied = await server.ask('PATCH', '/v1/products/patched', { metadata: null })
  expect(emptied.body).toMatchObject({ metadata: {} })
})

test('PATCH takes application/merge-patch+json, and an empty patch changes nothing', async () => {
  const before = await server.ask('PUT', '/v1/products/same', { title: 'Same' })
  const after = await server.ask('PATCH', '/v1/products/same', '{}', {
    'Content-Type': 'application/merge-patch+json',
  })
  expect(after.status).toBe(200)
  expect(after.body).toEqual(before.body)
  expect(after.headers.get('ETag')).toBe(before.headers.get('ETag'))
})

test('what must not be null is rejected in a patch', async () => {
  await server.ask('PUT', '/v1/products/stays', { title: 'Stays' })
  const answer = await server.ask('PATCH', '/v1/products/stays', { title: null, store_ids: null })
  expect(answer.status).toBe(422)
  expect(faultyFields(answer)).toEqual(['title', 'store_ids'])
})

test('DELETE removes a product with its links; after that it is unknown', async () => {
  await server.ask('PUT', '/v1/products/gone', { title: 'Gone', store_ids: ['boston'] })
  const removed = await server.ask('DELETE', '/v1/products/gone')
  expect([removed.status, removed.text]).toEqual([204, ''])
  for (const method of ['GET', 'DELETE', 'PATCH']) {
    const answer = await server.ask(
      method,
      '/v1/products/gone',
      method === 'PATCH' ? {} : undefined,
    )
    expect(answer.status).toBe(404)
    expect(answer.body).toEqual({
      type: 'urn:storefeed:not-found',
      title: 'Not found',
      status: 404,
      detail: 'There is no product with the id "gone".',
    })
  }
  const store = await server.ask('GET', '/v1/stores/boston')
  expect(store.body).not.toMatchObject({ product_ids: expect.arrayContaining(['gone']) })
})
