import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('POST', '/v1/products', { id: 'p1', title: 'One' })
  await server.ask('POST', '/v1/products', { id: 'p2', title: 'Two' })
})
afterAll(() => server.stop())

const times = { created_at: expect.any(String), updated_at: expect.any(String) }

const boston = {
  id: '1212',
  title: 'Boston Shop',
  location: 'Boston',
  description: 'On Newbury Street',
  link: 'https://shop.example/boston',
  image_link: 'https://shop.example/boston.jpg',
  categories: ['Teaching Kitchen'],
  address1: '123 Newbury St',
  address2: 'Floor 2',
  city: 'Boston',
  region: 'MA',
  zip: '02116',
  country: 'United States',
  country_code: 'US',
  phone: '+16175550112',
  latitude: 42.3505,
  longitude: -71.0763,
  published: false,
  metadata: { opening_hours: 'Mo-Sa', floors: 2, parking: true },
  product_ids: ['p1', 'p2'],
}

const bare = {
  location: null,
  description: null,
  link: null,
  image_link: null,
  categories: [],
  address1: null,
  address2: null,
  city: null,
  region: null,
  zip: null,
  country: null,
  country_code: null,
  phone: null,
  latitude: null,
  longitude: null,
  published: true,
  metadata: {},
  product_ids: [],
}

test('a store is made with every field it can have, and read back the same', async () => {
  const made = await server.ask('POST', '/v1/stores', boston)
  expect(made.status).toBe(201)
  expect(made.body).toEqual({ ...boston, ...times })
  expect((await server.ask('GET', '/v1/stores/1212')).body).toEqual(made.body)
})

test('a list of stores leaves out their products, which may be the whole catalog', async () => {
  await server.ask('PUT', '/v1/stores/listed', { title: 'Listed', product_ids: ['p1'] })
  const { body } = await server.ask('GET', '/v1/stores?q=listed')
  const { product_ids, ...listed } = bare
  expect(body).toEqual({
    stores: [{ id: 'listed', title: 'Listed', ...listed, ...times }],
    next_cursor: null,
  })
})

test('PUT makes what is not there and replaces what is; links stay when they are left out', async () => {
  const made = await server.ask('PUT', '/v1/stores/put', { ...boston, id: 'put' })
  expect(made.status).toBe(201)
  const replaced = await server.ask('PUT', '/v1/stores/put', { title: 'Bare' })
  expect(replaced.status).toBe(200)
  expect(replaced.body).toEqual({
    id: 'put',
    title: 'Bare',
    ...bare,
    product_ids: ['p1', 'p2'],
    ...times,
  })
})

test('PATCH changes what it names and merges metadata', async () => {
  await server.ask('PUT', '/v1/stores/patched', { ...boston, id: 'patched' })
  const patched = await server.ask('PATCH', '/v1/stores/patched', {
    phone: null,
    latitude: -90,
    metadata: { floors: null, parking: false },
    product_ids: ['p2'],
  })
  expect(patched.body).toEqual({
    ...boston,
    id: 'patched',
    phone: null,
    latitude: -90,
    metadata: { opening_hours: 'Mo-Sa', parking: false },
    product_ids: ['p2'],
    ...times,
  })
})

test('DELETE removes a store with its links', async () => {
  await server.ask('PUT', '/v1/stores/gone', { title: 'Gone', product_ids: ['p1'] })
  expect((await server.ask('DELETE', '/v1/stores/gone')).status).toBe(204)
  expect((await server.ask('GET', '/v1/stores/gone')).status).toBe(404)
  const { body } = await server.ask('GET', '/v1/products/p1')
  expect(body).not.toMatchObject({ store_ids: expect.arrayContaining(['gone']) })
})

test('every faulty field of a store is named', async () => {
  const answer = await server.ask('PUT', '/v1/stores/faulty', {
    country_code: 'usa',
    latitude: 90.1,
    longitude: 'east',
    zip: 'z'.repeat(33),
    opening: 'x',
    metadata: { latitude: 1 },
  })
  expect(answer.status).toBe(422)
  expect(faultyFields(answer).sort()).toEqual([
    'country_code',
    'latitude',
    'longitude',
    'metadata.latitude',
    'opening',
    'title',
    'zip',
  ])
})
