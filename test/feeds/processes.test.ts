import { randomInt } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openClient } from '../support/postgres-client.ts'
import { gzip, poll, pollItems } from './polls.ts'
import { type ServerProcess, startProcess } from './servers.ts'
import { until } from './until.ts'

const key = 'a-key-for-the-tests'

let database: TestDatabase
let one: ServerProcess
let other: ServerProcess

beforeAll(async () => {
  database = await createTestDatabase()
  const started = () => startProcess(database.url, { API_KEY: key })
  ;[one, other] = await Promise.all([started(), started()])
  await put(one.url, '/v1/products/p', { title: 'First' })
  await pollItems(`${one.url}/feeds/products.json`)
})
afterAll(async () => {
  await Promise.all([one?.kill(), other?.kill()])
  await database.close()
})

async function put(url: string, path: string, body: object): Promise<number> {
  const { status } = await fetch(`${url}${path}`, {
    method: 'PUT',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
  return status
}

test('what is written through one is in the next poll of the other', async () => {
  for (const [round, [writer, reader]] of [
    [one, other],
    [other, one],
    [one, other],
    [one, one],
  ].entries()) {
    if (!writer || !reader) throw new Error('there are two')
    expect(await put(writer.url, '/v1/products/p', { title: `Round ${round}` })).toBeLessThan(300)
    const [item] = await pollItems(`${reader.url}/feeds/products.json`)
    expect(item?.$title).toBe(`Round ${round}`)
  }
})

test('connections that are cut at any moment cost neither the server nor a write', async () => {
  // Past a pooler: one that is itself cut off from Postgres would end the writer too.
  const writer = await openClient(database.directUrl, 'writer')
  const polls: Promise<unknown>[] = []
  for (let round = 0; round < 60; round++) {
    await writer.query(
      "insert into products (id, title) values ('p', $1) on conflict (id) do update set title = excluded.title",
      [`Cut ${round}`],
    )
    polls.push(poll(`${one.url}/feeds/products.json`), poll(`${other.url}/feeds/products.xml`))
    await delay(randomInt(30))
    await writer.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'storefeed%' and random() < 0.7`)
  }
  await writer.end()
  await Promise.all(polls)
  for (const { url } of [one, other]) {
    expect((await poll(`${url}/healthz`)).status).toBe(200)
    const { text } = await until(
      () => poll(`${url}/feeds/products.json`),
      ({ headers }) => headers['x-feed-state'] === 'fresh',
    )
    expect(JSON.parse(text)).toMatchObject([{ $id: 'p', $title: 'Cut 59' }])
  }
})

const loaded = 40_000

test('one is killed amid a refresh: the other takes over, nothing is lost, and no feed is ever short', async () => {
  const { db } = database
  // So that it is the first that refreshes.
  other.signal('SIGSTOP')
  await db.execute(sql`
    insert into products (id, title, description) select 'load' || n, 'Product ' || n, repeat(md5(n::text), 10)
    from generate_series(1, ${loaded}) n`)
  await until(isRefreshing, (does) => does)
  await one.kill()
  const [before] = await db.execute<{ items: number }>(
    sql`select items from feed_state where feed = 'products'`,
  )
  expect(before).toEqual({ items: 1 })
  other.signal('SIGCONT')

  const counts = new Set<number>()
  const whole = `${other.url}/feeds/products.json`
  await until(
    async () => {
      const { headers, text } = await poll(whole, { headers: gzip })
      expect(JSON.parse(text).length).toBe(Number(headers['x-feed-items']))
      counts.add(Number(headers['x-feed-items']))
      return counts
    },
    (seen) => seen.has(loaded + 1),
  )
  for (const count of counts) expect([1, loaded + 1]).toContain(count)
  const items = await pollItems(whole)
  expect(new Set(items.map((item) => item.$id)).size).toBe(loaded + 1)
})

/** Whether a refresh has taken changes of the load: it holds the lock, and works on chunks. */
async function isRefreshing(): Promise<boolean> {
  const locks = await database.db.execute(sql`
    select from pg_locks chunks join pg_locks turn using (pid)
    where turn.locktype = 'advisory' and turn.granted
      and turn.database = (select oid from pg_database where datname = current_database())
      and chunks.relation = 'feed_chunks'::regclass and chunks.mode = 'RowExclusiveLock'`)
  return locks.length > 0
}
