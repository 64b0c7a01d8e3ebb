/** Bodies made to cost much: each gets a small answer, and other requests are served meanwhile. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { hostileBodies } from './hostile-bodies.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test.each(hostileBodies)('$name gets a small answer', async ({ method, path, type, body }) => {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { Authorization: `Bearer ${server.key}`, 'Content-Type': type },
    body: body(),
  })
  const text = await answer.text()
  expect(answer.status).toBeOneOf([200, 201, 400, 413, 422])
  expect(text.length).toBeLessThan(100_000)
  expect(JSON.parse(text).errors?.length ?? 0).toBeLessThanOrEqual(100)
})

test('the first hundred faults are named, and no other', async () => {
  const products = Array.from({ length: 1_000 }, (_, index) => ({ id: `p${index}`, title: 5 }))
  const { status, body } = await server.ask('POST', '/v1/products/batch', { products })
  const { errors } = body as { errors: { field: string; detail: string }[] }
  expect(status).toBe(422)
  expect(errors).toHaveLength(100)
  expect(errors[99]).toEqual({ field: 'products.99.title', detail: 'must be a string, got 5' })
})

test('a large valid batch is written, and its rules are those of a small one', async () => {
  const products = Array.from({ length: 1_000 }, (_, index) => ({
    id: `big-${index}`,
    title: 'Ladle',
    categories: Array.from({ length: 40 }, (_, number) => `c${number}`),
  }))
  const { status, body } = await server.ask('POST', '/v1/products/batch', { products })
  expect([status, body]).toEqual([200, { created: 1_000, updated: 0, unchanged: 0 }])
  const invalid = [...products.slice(1), { id: 'big-0', title: 'x', categories: [], colour: 'red' }]
  const rejected = await server.ask('POST', '/v1/products/batch', { products: invalid })
  expect(rejected.body).toMatchObject({
    errors: [
      { field: 'products.999.colour', detail: expect.stringContaining('unknown field (the known') },
    ],
  })
})

test('a body with too many values is refused before it is parsed, with what to do', async () => {
  const { status, body } = await server.ask('POST', '/v1/products/batch', `[${'1,'.repeat(50_000)}`)
  expect(status).toBe(413)
  expect(body).toMatchObject({
    detail:
      'The body may hold at most 50,000 values, those in lists included; this one holds 50,002. Send it in several requests.',
  })
})

test('a chunked body without a valid key is not read', async () => {
  let sent = 0
  const body = new ReadableStream({
    pull(controller) {
      sent++
      controller.enqueue(new Uint8Array(100_000))
      if (sent === 200) controller.close()
    },
  })
  const answer = await fetch(`${server.url}/v1/products`, {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { Authorization: 'Bearer wrong' },
  })
  expect(answer.status).toBe(401)
})

test('the health check is answered while a hostile body is validated', async () => {
  const order: string[] = []
  const { body } = hostileBodies[0]
  const rejected = server
    .ask('POST', '/v1/products/batch', body())
    .then(() => order.push('rejected'))
  let checks = 0
  while (order.length === 0) {
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    checks++
  }
  await rejected
  expect(checks).toBeGreaterThan(1)
})
