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
  ['GET http://shop.example', 404],
  ['GET http://shop.example?a=b', 404],
  ['GET //shop.example/feeds/products.json', 404],
  ['OPTIONS *', 204],
])('%s is answered with %i', async (target, status) => {
  expect(await statusOf(target)).toBe(status)
})

test('a browser gets a page at /, others a 404', async () => {
  const browser = await fetch(server.url, { headers: { Accept: 'text/html,*/*;q=0.8' } })
  expect([browser.status, browser.headers.get('Content-Type')]).toEqual([
    200,
    'text/html; charset=UTF-8',
  ])
  expect(await browser.text()).toContain('href="/docs"')
  expect((await fetch(server.url)).status).toBe(404)
})

async function statusOf(requestLine: string): Promise<number> {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.write(`${requestLine} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n`)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Number(Buffer.concat(chunks).toString('latin1').split(' ')[1])
}
