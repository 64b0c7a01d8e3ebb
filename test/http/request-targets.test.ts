import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true })
})
afterAll(() => server.stop())

test.each([
  ['GET http://shop.example/feeds/products.json', 200],
  ['GET HTTP://shop.example:8080/feeds/stores.xml?x=1', 200],
  ['GET http://shop.example/healthz', 200],
  ['GET http://shop.example', 200],
  ['GET http://shop.example?a=b', 200],
  ['GET //shop.example/feeds/products.json', 404],
  ['OPTIONS *', 204],
])('%s is answered with %i', async (target, status) => {
  expect(await statusOf(target)).toBe(status)
})

test('a browser is led from / to the console, others get an index', async () => {
  const browser = await fetch(server.url, {
    headers: { Accept: 'text/html,*/*;q=0.8' },
    redirect: 'manual',
  })
  expect([browser.status, browser.headers.get('Location')]).toEqual([302, '/console'])
  const index = await (await fetch(server.url)).json()
  expect(index).toMatchObject({ name: 'storefeed', console: '/console', openapi: '/openapi.json' })
})

async function statusOf(requestLine: string, host = 'shop.example'): Promise<number> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.write(`${requestLine} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Number(Buffer.concat(chunks).toString('latin1').split(' ')[1])
}

test.each(['shop.example?', 'shop.example/feeds', 'shop.example#', 'ship@shop.example', 'â?ð'])(
  'a Host that is none is malformed, whatever the path: %s',
  async (host) => expect(await statusOf('DELETE /v1/me', host)).toBe(400),
)
