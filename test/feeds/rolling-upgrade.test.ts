/** Two releases beside each other, as while servers are upgraded one after the other. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { gzip, poll } from './polls.ts'
import { anotherRelease, type ServerProcess, startProcess } from './servers.ts'
import { until } from './until.ts'

const key = 'a-key-for-the-tests'
const items = 5_000

let database: TestDatabase
const running: ServerProcess[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.execute(sql`
    insert into products (id, title, price) select 'p' || n, 'Product', 0 from generate_series(1, ${items}) n`)
})
afterAll(async () => {
  await Promise.all(running.map((server) => server.kill()))
  await database.close()
})

async function startRelease(release: 'old' | 'new'): Promise<ServerProcess> {
  const preload = release === 'new' ? [anotherRelease] : []
  const server = await startProcess(database.url, { API_KEY: key, LOG_LEVEL: 'info' }, preload)
  running.push(server)
  return server
}

type Observation = { release: 'old' | 'new'; state: unknown }

/** Throws when the feed is short, mixed or, though fresh, without the edit that was committed before. */
async function pollOnce(url: string, edit: number): Promise<Observation> {
  const { status, headers, text } = await poll(`${url}/feeds/products.json`, { headers: gzip })
  expect(status).toBe(200)
  const found: { $id: string; price: number; release?: string }[] = JSON.parse(text)
  expect(found.length).toBe(items)
  const isNew = text.startsWith('[ \n')
  expect(found.filter(({ release }) => (release === 'other') !== isNew)).toEqual([])
  expect(text.match(/[ }],\n/g)?.filter((one) => (one === ' ,\n') !== isNew)).toEqual([])
  const state = headers['x-feed-state']
  if (state === 'fresh')
    expect(found.find(({ $id }) => $id === 'p7')?.price).toBeGreaterThanOrEqual(edit)
  return { release: isNew ? 'new' : 'old', state }
}

/** The render keys that the feed has had, one after the other, and how often it was rendered whole. */
async function rendersOf(url: string): Promise<number> {
  const { text } = await poll(`${url}/metrics?key=${key}`, {
    headers: { Authorization: `Bearer ${key}` },
  })
  const [, chunks = '0'] =
    /storefeed_feed_chunks_rendered_total\{feed="products"\} (\d+)/.exec(text) ?? []
  return Number(chunks)
}

test('while a release takes the place of another, no poll is short or mixed, none is stale for long, and it renders everything once', async () => {
  const old = [await startRelease('old'), await startRelease('old')]
  for (const { url } of old)
    await until(
      () => pollOnce(url, 0),
      ({ release, state }) => release === 'old' && state === 'fresh',
    )
  const before = await Promise.all(old.map(({ url }) => rendersOf(url)))
  const next = await startRelease('new')
  const all = [...old, next]
  await until(
    () => Promise.all(all.map(({ url }) => pollOnce(url, 0))),
    (seen) => seen.every(({ release, state }) => release === 'new' && state === 'fresh'),
  )

  const edits = 15
  for (let edit = 1; edit <= edits; edit++) {
    await database.db.execute(sql`update products set price = ${edit} where id = 'p7'`)
    const seen = await Promise.all(all.map(({ url }) => pollOnce(url, edit)))
    // The new one renders at once, and the old ones serve what it renders.
    expect(seen.map(({ release }) => release)).toEqual(['new', 'new', 'new'])
    expect(seen.map(({ state }) => state)).toEqual(['fresh', 'fresh', 'fresh'])
  }
  expect(await Promise.all(old.map(({ url }) => rendersOf(url)))).toEqual(before)
  // Once everything, in both formats, and for each edit one slot.
  expect(await rendersOf(next.url)).toBeLessThanOrEqual(2 * 64 + 2 * edits)

  for (const { url } of old) {
    const { status, text } = await poll(`${url}/readyz`)
    expect(status).toBe(200)
    expect(JSON.parse(text).problems).toEqual([
      expect.stringMatching(/^The feeds are rendered by storefeed .+ would render them otherwise/),
    ])
  }
  expect(JSON.parse((await poll(`${next.url}/readyz`)).text).problems).toEqual([])
}, 120_000)

test('servers that were told serve on, and render again once those of the other release are gone', async () => {
  const [old, , next] = running
  if (!old || !next) throw new Error('they were started before')
  await next.kill()
  await database.db.execute(sql`update products set price = 100 where id = 'p7'`)
  // As after half a minute.
  await database.db.execute(sql`update feed_renderer set seen_at = now() - interval '31 seconds'`)
  await until(
    () => pollOnce(old.url, 0),
    ({ release, state }) => release === 'old' && state === 'fresh',
  )
  expect(await pollOnce(old.url, 100)).toEqual({ release: 'old', state: 'fresh' })
})
