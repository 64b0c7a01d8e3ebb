import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { pollReader, startReader } from './readers.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const run = (text: string) => database.db.execute(sql.raw(text))
const readerOf = (renderKey: string, decimals: number, waitMs = 10_000) =>
  startReader(database.db, { renderKey, decimals, waitMs })
const rename = (title: string) => run(`update products set title = '${title}' where id = 'p1'`)

beforeEach(async () => {
  await run('truncate products, stores cascade')
  await run('truncate feed_state, feed_chunks, feed_changes, feed_builds, feed_renderer')
  await run(
    `insert into products (id, title, price) select 'p' || n, 'Product', 10.25 from generate_series(1, 500) n`,
  )
})

async function readState() {
  const [state] = await database.db.execute<{ version: number; render_key: string }>(
    sql`select version::int as version, render_key from feed_state where feed = 'products'`,
  )
  return state
}

test('of two servers that render otherwise the one that started last renders, and the other serves what it renders', async () => {
  const [first, second] = [readerOf('first', 2), readerOf('second', 0)]
  expect((await pollReader(first)).text).toContain('"price":10.25')
  expect((await pollReader(second)).text).toContain('"price":10,')
  expect(await readState()).toEqual({ version: 2, render_key: 'second' })

  for (let edit = 1; edit <= 5; edit++) {
    await rename(`Edit ${edit}`)
    const [polled, other] = [pollReader(first), pollReader(second)]
    expect(await polled).toEqual(await other)
    expect(await polled).toMatchObject({ freshness: 'fresh' })
    expect((await polled).text).toContain(`"Edit ${edit}"`)
    expect((await polled).text).not.toContain('"price":10.25')
  }
  expect(await first.reader.refresh('products')).toBe('elsewhere')
  expect(await readState()).toEqual({ version: 7, render_key: 'second' })
})

test('a server that was told is told until nobody has rendered otherwise for half a minute', async () => {
  const [first, second] = [readerOf('first', 2), readerOf('second', 0)]
  expect([await first.reader.claim(), await second.reader.claim()]).toEqual([true, true])
  expect([await first.reader.claim(), await second.reader.claim()]).toEqual([false, true])
  for (const ago of ['31 seconds', '-31 seconds']) {
    // The clock of the database may have been set back.
    await run(`update feed_renderer set seen_at = now() - interval '${ago}'`)
    expect([await first.reader.claim(), await second.reader.claim()]).toEqual([true, false])
    await run(`update feed_renderer set seen_at = now() - interval '31 seconds'`)
    expect([await second.reader.claim(), await first.reader.claim()]).toEqual([true, false])
  }
})

test('a server that does not know all migrations refreshes nothing, takes over nothing and serves the last good feed', async () => {
  const known = readerOf('known', 2)
  const before = await pollReader(known)
  await run(
    `insert into drizzle.__drizzle_migrations (hash, created_at) values ('next', 4102444800000)`,
  )
  try {
    await rename('Later')
    const started = readerOf('other', 0)
    for (const reader of [known, started]) {
      expect(await reader.reader.refresh('products')).toBe('elsewhere')
      expect(await reader.reader.claim()).toBe(false)
      expect(await pollReader(reader)).toEqual({ ...before, freshness: 'stale' })
    }
    expect(await readState()).toEqual({ version: 1, render_key: 'known' })
    expect(await run('select render_key from feed_renderer')).toEqual([{ render_key: 'known' }])
    // What is broken may be stored otherwise by that release.
    await run(`update feed_chunks set body = '' where slot = 3`)
    await pollReader(readerOf('another', 0)).catch(() => undefined)
    expect(await run('select from feed_changes')).toHaveLength(1)
  } finally {
    await run(`delete from drizzle.__drizzle_migrations where hash = 'next'`)
    await run(`update feed_chunks set bytes = -1 where slot = 3`)
    await run(`insert into feed_changes (feed, hash) values ('products', -1)`)
  }
  expect((await pollReader(known)).text).toContain('"Later"')
})

test('a version whose build is unknown is current for nobody, and gets a build', async () => {
  const running = readerOf('test', 2)
  const before = await pollReader(running)
  await run('truncate feed_builds')
  expect(await pollReader(running)).toEqual(before)
  expect(await run('select version::int as version from feed_builds')).toEqual([{ version: 2 }])
})

test('a refresh fails that does not render the items that it counted, and the last good feed stays', async () => {
  const running = readerOf('test', 2, 1_000)
  const before = await pollReader(running)
  // As with a release that hashes ids otherwise. The last test: the column cannot be generated again.
  await run('alter table products alter column hash drop expression, disable trigger user')
  await run(`update products set hash = 20000 where id = 'p1'`)
  await run(`insert into feed_changes (feed, hash) values ('products', -1)`)
  await expect(running.reader.refresh('products')).rejects.toThrow(
    /^500 items of the products feed were counted, but 499 rendered/,
  )
  expect(await pollReader(running)).toEqual({ ...before, freshness: 'stale' })
  await run(`update products set hash = catalog_hash(id)`)
  expect((await pollReader(running)).freshness).toBe('fresh')
})
