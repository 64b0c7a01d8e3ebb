import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  const products = Array.from({ length: 50 }, (_, n) => ({ id: `p${n}`, title: `Pan ${n}` }))
  await server.ask('POST', '/v1/products/batch', { products })
})
afterAll(() => server.stop())

test.each([
  ['gzip', 'gzip'],
  ['deflate, gzip;q=0.5', 'gzip'],
  ['*', 'gzip'],
  ['deflate', null],
  ['gzip;q=NaN, deflate', null],
  ['gzip;q=0, *', null],
])('for a client that accepts "%s" the encoding is %s', async (accepted, encoding) => {
  const { status, headers } = await server.ask('GET', '/v1/products', undefined, {
    'Accept-Encoding': accepted,
  })
  expect([status, headers.get('Content-Encoding')]).toEqual([200, encoding])
})
