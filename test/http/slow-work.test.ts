/** Requests that take too long are given up, and the database does not keep working on them. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, transaction } from '../../src/db/connection.ts'
import { poll } from '../feeds/polls.ts'
import { until } from '../feeds/until.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({}, { statementMs: 300, workMs: 15_000, keyCheckMs: 3_000 })
  await server.ask('PUT', '/v1/products/p', { title: 'Before' })
})
afterAll(() => server.stop())

/** Does `work` while nobody else can use `table`. */
function whileLocked(table: string, work: () => Promise<void>): Promise<void> {
  return transaction(server.database.db, async (tx) => {
    await tx.execute(sql`lock table ${sql.identifier(table)} in access exclusive mode`)
    await work()
  })
}

const untilNobodyWaits = (db: Database) =>
  until(
    () =>
      db.execute(sql`
        select from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and query not like '%feed_%'`),
    (waiting) => waiting.length === 0,
  )

test.each([
  ['PUT', '/v1/products/p', { title: 'After' }],
  ['PATCH', '/v1/products/p', { title: 'After' }],
  ['DELETE', '/v1/products/p', undefined],
  ['GET', '/v1/products/p', undefined],
  ['GET', '/v1/products?q=b', undefined],
])('%s %s is given up when the database takes too long', async (method, path, body) => {
  await whileLocked('products', async () => {
    const answer = await server.ask(method, path, body)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Retry-After')).toBe('5')
    expect(answer.body).toMatchObject({
      type: 'urn:storefeed:unavailable',
      detail: 'The database timed out. Nothing was changed.',
    })
    await untilNobodyWaits(server.database.db)
  })
  const { body: left } = await server.ask('GET', '/v1/products/p')
  expect(left).toMatchObject({ title: 'Before' })
})

test('a connection that was given up serves the next request, and other statements have their time', async () => {
  const { ask, database } = server
  await whileLocked('stores', async () => {
    const waiting = Array.from({ length: 30 }, () => ask('PUT', '/v1/stores/s', { title: 'S' }))
    const statuses = (await Promise.all(waiting)).map(({ status }) => status)
    expect(new Set(statuses)).toEqual(new Set([503]))
  })
  expect((await ask('PUT', '/v1/stores/s', { title: 'S' })).status).toBe(201)
  await database.db.execute(sql`select pg_sleep(0.5)`)
})

test('a key that was good opens its feed while the database does not say whether it still is', async () => {
  const path = `/feeds/stores.json?key=${server.key}`
  const before = await poll(`${server.url}${path}`)
  await whileLocked('api_keys', async () => {
    const during = await poll(`${server.url}${path}`)
    expect([during.status, during.text]).toEqual([200, before.text])
    expect((await server.ask('GET', '/v1/products/p')).status).toBe(503)
    expect((await server.ask('GET', '/healthz')).status).toBe(200)
  })
})

test('a request whose statements take too long together is answered all the same', async () => {
  const hasty = await startTestServer({}, { statementMs: 15_000, workMs: 300 })
  try {
    const { db } = hasty.database
    const answer = await transaction(db, async (tx) => {
      await tx.execute(sql`lock table stores in access exclusive mode`)
      return hasty.ask('PUT', '/v1/stores/s', { title: 'S' })
    })
    expect(answer.status).toBe(503)
    expect(answer.body).toMatchObject({
      detail: 'The request timed out. It may have completed: check before retrying.',
    })
  } finally {
    await hasty.stop()
  }
})
