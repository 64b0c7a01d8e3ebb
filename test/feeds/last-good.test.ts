import { sql } from 'drizzle-orm'
import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openClient } from '../support/postgres-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { gzip, poll } from './polls.ts'
import { startAnother } from './servers.ts'
import { until } from './until.ts'

const stale = { 'x-feed-state': 'stale' }

let server: TestServer
let admin: pg.Client

beforeAll(async () => {
  server = await startTestServer({ feedWaitMs: 500 })
  admin = await openClient(inject('serverUrl'))
  await server.database.db.execute(sql`insert into products (id, title) values ('p', 'First')`)
  await fresh('products.json')
})
afterAll(async () => {
  await server.stop()
  await admin.end()
})

const at = (file: string, key = server.key) => `${server.url}/feeds/${file}?key=${key}`
const fresh = (file: string) =>
  until(
    () => poll(at(file), { headers: gzip }),
    ({ headers }) => headers['x-feed-state'] === 'fresh',
  )
const rename = (title: string) =>
  server.database.db.execute(sql`update products set title = ${title} where id = 'p'`)

/** Holds what a refresh needs while `work` runs. */
async function behindLock<T>(work: () => Promise<T>): Promise<T> {
  return server.database.db.transaction(async (tx) => {
    await until(
      () =>
        tx.execute<{ ok: boolean }>(
          sql`select pg_try_advisory_xact_lock(hashtext('storefeed.feed'), hashtext('products')) as ok`,
        ),
      ([lock]) => lock?.ok === true,
    )
    return work()
  })
}

test('a poll that waits in vain gets the last good feed, marked; the next one gets the truth', async () => {
  const polled = await behindLock(async () => {
    await rename('Second')
    const began = performance.now()
    const got = await poll(at('products.json'), { headers: gzip })
    expect(performance.now() - began).toBeGreaterThanOrEqual(490)
    expect(performance.now() - began).toBeLessThan(5000)
    return got
  })
  expect(polled).toMatchObject({ status: 200, headers: stale })
  expect(polled.headers).not.toHaveProperty('last-modified')
  expect(JSON.parse(polled.text)).toMatchObject([{ $title: 'First' }])
  expect(JSON.parse((await fresh('products.json')).text)).toMatchObject([{ $title: 'Second' }])
})

test('a last good feed has no date, however old it is', async () => {
  const { text } = await until(
    () => poll(at('products.json'), { headers: gzip }),
    ({ headers }) => headers['last-modified'] !== undefined,
  )
  const polled = await behindLock(async () => {
    await rename('Undated')
    return poll(at('products.json'), { headers: gzip })
  })
  expect(polled).toMatchObject({ headers: stale, text })
  expect(polled.headers).not.toHaveProperty('last-modified')
})

test('a server that has no copy yet takes the last good one from the database', async () => {
  await rename('Second')
  await fresh('products.json')
  const { polled } = await behindLock(async () => {
    await rename('Third')
    const another = await startAnother(server.database.url, { feedWaitMs: 500 })
    try {
      const polled = await until(
        () => poll(`${another.url}/feeds/products.xml`),
        ({ status }) => status === 200,
      )
      return { polled }
    } finally {
      await another.stop()
    }
  })
  expect(polled).toMatchObject({ status: 200, headers: stale })
  expect(polled.text).toContain('<title>Second</title>')
})

test('a server that waits for nothing serves what there is at once, and the current feed soon after', async () => {
  const hasty = await startAnother(server.database.url, { feedWaitMs: 0 })
  try {
    await rename('Fourth')
    const { text } = await until(
      () => poll(`${hasty.url}/feeds/products.json`),
      ({ headers }) => headers['x-feed-state'] === 'fresh',
    )
    expect(JSON.parse(text)).toMatchObject([{ $title: 'Fourth' }])
  } finally {
    await hasty.stop()
  }
})

test('before a feed was ever built there is nothing to give: 503, and when to come again', async () => {
  const never = await startTestServer({ feedsPublic: true, feedWaitMs: 0 })
  try {
    const { status, headers, text } = await poll(`${never.url}/feeds/stores.json`)
    expect(status).toBe(503)
    expect(headers).toMatchObject({
      'retry-after': '5',
      'content-type': 'application/problem+json',
    })
    expect(JSON.parse(text).detail).toBe(
      'The feed is not built yet, or the database does not answer. Try again later.',
    )
    await until(
      () => poll(`${never.url}/feeds/stores.json`),
      (polled) => polled.status === 200,
    )
  } finally {
    await never.stop()
  }
})

test('while the database is away every kept feed is served as it was; afterwards all is fresh by itself', async () => {
  const name = new URL(server.database.url).pathname.slice(1)
  const before = await fresh('products.json')
  await admin.query(`alter database ${name} allow_connections false`)
  try {
    for (let round = 0; round < 3; round++) {
      await admin.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
        [name],
      )
      const away = await poll(at('products.json'), { headers: gzip })
      expect(away).toMatchObject({ status: 200, headers: stale })
      expect(away.body).toEqual(before.body)
      expect(away.headers.etag).toBe(before.headers.etag)
    }
    const parts = await poll(at('products.1-of-2.json'), { headers: { 'If-None-Match': '*' } })
    expect(parts).toMatchObject({ status: 304, headers: stale })
    expect(await poll(at('stores.xml'))).toMatchObject({ status: 200, headers: stale })
    expect((await poll(at('products.json', 'unknown-key'))).status).toBeGreaterThanOrEqual(500)
    expect((await poll(`${server.url}/readyz`)).status).toBe(503)
    expect((await poll(`${server.url}/healthz`)).status).toBe(200)
  } finally {
    await admin.query(`alter database ${name} allow_connections true`)
  }
  await fresh('products.json')
  await rename('Fifth')
  expect(JSON.parse((await fresh('products.json')).text)).toMatchObject([{ $title: 'Fifth' }])
})

test('a server that has just started serves every feed when it loses the database, also for a key that it never saw', async () => {
  const files = ['products.json', 'products.xml', 'stores.json', 'stores.xml']
  const before = await Promise.all(files.map((file) => fresh(file)))
  const name = new URL(server.database.url).pathname.slice(1)
  const started = await startAnother(server.database.url, { feedsPublic: false, feedWaitMs: 500 })
  try {
    await until(
      () => poll(`${started.url}/readyz`),
      ({ status }) => status === 200,
    )
    await admin.query(`alter database ${name} allow_connections false`)
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      name,
    ])
    const away = await Promise.all(
      files.map((file) =>
        poll(`${started.url}/feeds/${file}?key=${server.key}`, { headers: gzip }),
      ),
    )
    for (const polled of away) expect(polled).toMatchObject({ status: 200, headers: stale })
    expect(away.map(({ text }) => text)).toEqual(before.map(({ text }) => text))
    expect(
      (await poll(`${started.url}/feeds/stores.xml?key=unknown`)).status,
    ).toBeGreaterThanOrEqual(500)
  } finally {
    await admin.query(`alter database ${name} allow_connections true`)
    await started.stop()
  }
})
