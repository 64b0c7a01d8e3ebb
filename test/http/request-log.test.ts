/** The id of every request, in its response and in the log. */
import { sql } from 'drizzle-orm'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ensureKey } from '../../src/auth/api-keys.ts'
import { readConfig } from '../../src/config.ts'
import { describeError } from '../../src/server/logger.ts'
import { type RunningServer, startServer } from '../../src/server/server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const key = 'key-of-these-tests'
let lines: Record<string, unknown>[] = []
let database: TestDatabase
let server: RunningServer
beforeAll(async () => {
  database = await createTestDatabase()
  await ensureKey(database.db, key, { name: 'tests', scopes: ['admin'] })
  const options = { level: 'debug', base: null, serializers: { err: describeError } }
  const log = pino(options, { write: (line: string) => lines.push(JSON.parse(line)) })
  server = await startServer({ ...readConfig({}), host: '127.0.0.1', port: 0 }, database.url, log)
})
afterAll(async () => {
  await server.stop()
  await database.close()
})
beforeEach(() => {
  lines = []
})

async function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const authorization = { Authorization: `Bearer ${key}` }
  const answer = await fetch(server.url + path, {
    method,
    headers: { ...authorization, ...headers },
  })
  await answer.arrayBuffer()
  return answer
}

const lineOf = (request: string) =>
  expect.poll(() => lines.find((line) => line.request === request) ?? {})

const rest = '/v1/products/p-1'
const feed = '/feeds/products.json'
const trace = 'aaaabbbbccccddddeeeeffff00001111'
const parent = '1234567890abcdef'

describe.each([rest, feed, '/nothing', '/feeds/nothing.json'])('a request for %s', (path) => {
  test('has an id in its answer and in the log, the caller’s own when it is a plain one', async () => {
    const named = await ask(path, { 'X-Request-Id': 'till-7/2026:a.b_c+d=' })
    expect(named.headers.get('X-Request-Id')).toBe('till-7/2026:a.b_c+d=')
    await lineOf('till-7/2026:a.b_c+d=').toMatchObject({ method: 'GET', status: named.status })
    for (const bad of ['not plain', 'x'.repeat(129), 'jo@example.org', '{"a":1}']) {
      const id = (await ask(path, { 'X-Request-Id': bad })).headers.get('X-Request-Id') ?? ''
      expect(id).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/)
      await lineOf(id).toMatchObject({ request: id })
    }
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await ask(path)).headers.get('X-Request-Id')),
    )
    expect(new Set(ids).size).toBe(20)
  })

  test.each([
    ['00', '01', '', '01'],
    ['00', '00', '', '00'],
    ['00', 'ff', '', '01'],
    ['cc', '03', '-what-is-to-come', '01'],
  ])('takes over a trace of version %s with flags %s%s', async (version, flags, more, kept) => {
    const traceparent = `${version}-${trace}-${parent}-${flags}${more}`
    const answer = await ask(path, { traceparent, 'X-Request-Id': 'traced' })
    const span = answer.headers.get('traceparent')?.split('-')[2] ?? ''
    expect(answer.headers.get('traceparent')).toBe(`00-${trace}-${span}-${kept}`)
    expect(span).toMatch(/^[\da-f]{16}$/)
    expect(span).not.toBe(parent)
    await lineOf('traced').toMatchObject({ trace_id: trace, span_id: span, parent_id: parent })
  })

  test.each([
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `ff-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01-more`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    `00-${trace}-${parent}`,
    `00-${trace}-${parent}-0g`,
    'nonsense',
  ])('goes on without a trace that is none: %s', async (traceparent) => {
    const answer = await ask(path, { traceparent, 'X-Request-Id': 'untraced' })
    expect(answer.headers.get('traceparent')).toBeNull()
    await lineOf('untraced').toMatchObject({ method: 'GET' })
    expect(lines.find(({ request }) => request === 'untraced')).not.toHaveProperty('trace_id')
  })
})

test('the id of an answer that failed leads to the line that says why', async () => {
  await database.db.execute(sql`alter table product_stores rename to gone`)
  const { status, headers } = await ask('/v1/products/jo@example.org')
  await database.db.execute(sql`alter table gone rename to product_stores`)
  expect(status).toBe(500)
  await lineOf(headers.get('X-Request-Id') ?? '').toMatchObject({
    level: 50,
    msg: 'a request failed',
    path: '/v1/products/{id}',
    status: 500,
    err: { code: '42P01', message: 'relation "product_stores" does not exist' },
  })
  expect(JSON.stringify(lines)).not.toContain('jo@example.org')
})
