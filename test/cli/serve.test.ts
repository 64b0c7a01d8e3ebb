import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { run, start } from './command-line.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const serving = /"url":"(http:[^"]+)".*"msg":"storefeed serves"/

test('the first start prints an admin key, and no later one does; SIGTERM stops it in order', async () => {
  const settings = { DATABASE_URL: database.url }
  const first = start([], settings)
  const [, key] = await first.printed(/^The first admin key, shown only once: (sf_\S+)$/m)
  const [, url] = await first.printed(serving)
  const headers = { Authorization: `Bearer ${key}` }
  expect((await fetch(`${url}/v1/keys`, { headers })).status).toBe(200)
  const ended = await first.end('SIGTERM')
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' })
  expect(ended.stdout).toMatch(/"msg":"storefeed stopped"\}\n$/)

  const second = start(['serve'], settings)
  const [, again] = await second.printed(serving)
  expect((await fetch(`${again}/v1/keys`, { headers })).status).toBe(200)
  const { code, stdout } = await second.end('SIGINT')
  expect(code).toBe(0)
  expect(stdout).not.toContain('sf_')
})

test('a port in use is reported in one line', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const address = other.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const settings = {
    DATABASE_URL: database.url,
    API_KEY: 'key-of-sixteen-letters',
    PORT: `${port}`,
  }
  const { code, stdout, stderr } = await run(['serve'], settings)
  other.close()
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe(`Port ${port} is in use by another program. Set PORT to another one.\n`)
})

test('no line of the log holds a key, a header or personal data, at any log level', async () => {
  const key = 'key-that-must-not-be-logged'
  const settings = { DATABASE_URL: database.url, API_KEY: key, LOG_LEVEL: 'trace' }
  const server = start(['serve'], settings)
  const [, url] = await server.printed(serving)
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  const basic = { Authorization: `Basic ${Buffer.from(`x:${key}`).toString('base64')}` }
  await fetch(`${url}/feeds/products.json?key=${key}`)
  await fetch(`${url}/feeds/nothing.json?key=${key}`)
  await fetch(`${url}/nothing?key=${key}`)
  await fetch(`${url}/feeds/stores.xml`, { headers: basic })
  await fetch(`${url}/v1/products?key=${key}`, { headers })
  const body = JSON.stringify({ name: 'made', scopes: ['read'] })
  const made = await fetch(`${url}/v1/keys`, { method: 'POST', headers, body })
  const { key: madeKey } = (await made.json()) as { key: string }
  await sendPersonalData(url ?? '', headers)
  await fetch(`${url}/v1/products`, { method: 'POST', headers, body: '{' })
  await server.printed(/"path":"\/v1\/products","status":400/)
  const { code, stdout, stderr } = await server.end()
  expect(code).toBe(0)
  const logged = stdout + stderr
  for (const secret of [key, madeKey, 'key=', 'Bearer', 'Basic', basic.Authorization.slice(6)])
    expect(logged).not.toContain(secret)
  expect(logged).not.toMatch(/klaviyo-demo|6175550123|lovelace/i)
  expect(logged).toContain('"path":"/v1/products","status":422')
})

/** In every place of a request, valid and invalid. */
async function sendPersonalData(url: string, headers: Record<string, string>): Promise<void> {
  const email = 'ada@klaviyo-demo.com'
  const ada = { email, phone_number: '+16175550123', last_name: 'Lovelace' }
  const send = (method: string, path: string, body?: unknown) =>
    fetch(`${url}${path}`, {
      method,
      headers: { ...headers, 'X-Request-Id': email },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const order = { total: 1, customer: ada, items: [{ product_id: 'p', item_price: 1 }] }
  const statuses = [
    await send('PUT', `/v1/customers/${email}`, ada),
    await send('PUT', '/v1/orders/lovelace', order),
    await send('PUT', '/v1/orders/lovelace', { ...order, total: 2 }),
    await send('PUT', `/v1/orders/${email}`, { ...order, total: email }),
    await send('PUT', '/v1/customers/other', ada),
    await send('GET', `/v1/orders?customer_id=${email}&lovelace=1`),
    await send('GET', `/v1/${email}`),
    await send('GET', `/feeds/${email}.json`),
    await send('DELETE', `/v1/customers/${email}`),
  ].map(({ status }) => status)
  expect(statuses).toEqual([200, 201, 200, 422, 409, 422, 404, 404, 204])
}
