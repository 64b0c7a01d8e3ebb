/** The errors for unknown paths, and for known ones with another method. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { speak } from '../support/raw-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test.each([
  ['POST', '/v1/products/1', 'DELETE, GET, HEAD, PATCH, PUT'],
  ['DELETE', '/v1/products', 'GET, HEAD, PATCH, POST'],
  ['PUT', '/v1/orders/o/refunds', 'POST'],
  ['GET', '/v1/products/p/stores/s', 'DELETE, PUT'],
  ['OPTIONS', '/v1/keys', 'GET, HEAD, POST'],
  ['POST', '/feeds/products.json', 'GET, HEAD'],
  ['POST', '/healthz', 'GET, HEAD'],
])('%s %s is a 405 that says what the address takes', async (method, path, allow) => {
  const { status, headers, body } = await server.ask(method, path)
  expect(headers.get('Allow')).toBe(allow)
  expect(body).toEqual({
    type: 'urn:storefeed:method-not-allowed',
    title: 'Method not allowed',
    status: 405,
    detail: `This path allows ${allow}.`,
  })
  expect(status).toBe(405)
})

test.each([
  ['GET', '/v1'],
  ['PUT', '/v1/nothing/1'],
  ['GET', '/v1/products/'],
  ['POST', '/feeds/'],
])('%s %s is a 404, as nothing is there', async (method, path) => {
  const { status, headers, body } = await server.ask(method, path)
  expect(status).toBe(404)
  expect(headers.get('Allow')).toBeNull()
  expect(body).toMatchObject({ type: 'urn:storefeed:not-found' })
})

test.each([
  ['/feeds/.', 404],
  ['/feeds/..?limit=5', 200],
  ['/feeds/%2E%2e', 200],
  ['/feeds/x/..', 404],
  ['/feeds/products.json/../../v1', 404],
  ['/feeds/x/../products.json', 401],
  ['/v1/../feeds/products.json?x', 401],
  ['/feeds/x%2F..', 401],
])('GET %s without a key is a %s: dots lead where they lead', async (path, expected) => {
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`
  const { heard } = await speak(server.url, request)
  expect((await heard).slice(0, 12)).toBe(`HTTP/1.1 ${expected}`)
})
