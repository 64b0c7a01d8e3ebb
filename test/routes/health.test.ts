/** In charge of showing what a server says of itself, without a key. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const none = { Authorization: '' }

test('a server lives and is ready', async () => {
  const alive = await server.ask('GET', '/healthz', undefined, none)
  expect([alive.status, alive.body]).toEqual([200, { status: 'alive' }])
  const ready = await server.ask('GET', '/readyz', undefined, none)
  expect([ready.status, ready.body]).toEqual([200, { status: 'ready', problems: [] }])
})

test('every answer carries an id of the request, the caller’s own when it is a plain one', async () => {
  const idOf = async (given: string) => {
    const answer = await server.ask('GET', '/healthz', undefined, { 'X-Request-Id': given })
    return answer.headers.get('X-Request-Id')
  }
  expect(await idOf('trace-1_a')).toBe('trace-1_a')
  expect(await idOf('not plain')).toMatch(/^[\da-f-]{36}$/)
  const refused = await server.ask('GET', '/nothing', undefined, { 'X-Request-Id': 'mine' })
  expect(refused.headers.get('X-Request-Id')).toBe('mine')
})
