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
const newReader = () => startReader(database.db)
const rename = (id: string, title: string) =>
  run(`update products set title = '${title}' where id = '${id}'`)

/** The feed is at its first version, whatever the tests before did. */
beforeEach(async () => {
  await run('truncate products, stores cascade')
  await run('truncate feed_state, feed_chunks, feed_changes, feed_builds')
  await run(
    `insert into products (id, title) select 'p' || n, 'Product ' || n from generate_series(1, 500) n`,
  )
  await pollReader(newReader())
  expect(await version()).toBe(1)
})

async function version() {
  const [state] = await database.db.execute<{ version: number }>(
    sql`select version::int as version from feed_state where feed = 'products'`,
  )
  return state?.version
}

const feedTables = ['feed_state', 'feed_chunks', 'feed_lists', 'feed_builds', 'feed_changes']

/** Saves titles and feeds as they are now; answers how to bring them back, as restoring a backup does. */
async function backUp(): Promise<() => Promise<void>> {
  for (const table of ['products', ...feedTables])
    await run(`drop table if exists saved_${table}; create table saved_${table} as table ${table}`)
  return async () => {
    await run('update products p set title = s.title from saved_products s where s.id = p.id')
    for (const table of feedTables)
      await run(`truncate ${table}; insert into ${table} table saved_${table}`)
  }
}

test.each([1, 2])(
  'a copy of version %i is loaded whole when the feed was built from nothing',
  async (held) => {
    const running = newReader()
    for (let edit = 1; edit < held; edit++) {
      await rename('p2', `Edit ${edit}`)
      await pollReader(running)
    }
    await pollReader(running)
    expect(await version()).toBe(held)
    await run('truncate feed_state, feed_chunks, feed_changes')
    await rename('p1', 'Restored')
    const reloaded = await pollReader(newReader())
    expect(await version()).toBe(1)
    expect(reloaded.text).toContain('"Restored"')
    expect(await pollReader(running)).toEqual(reloaded)
  },
)

test.each([
  ['an earlier version than', 0],
  ['an earlier version of other content than', 1],
  ['the same version of other content as', 2],
  ['a later version of other content than', 3],
])('a copy is loaded whole when a restored database has %s it', async (_, edits) => {
  const running = newReader()
  const restore = await backUp()
  await rename('p1', 'Lost')
  await pollReader(newReader())
  await rename('p2', 'Lost')
  expect((await pollReader(running)).text.match(/"Lost"/g)?.length).toBe(2)
  expect(await version()).toBe(3)

  await restore()
  const other = newReader()
  for (let edit = 0; edit < edits; edit++) {
    await rename(`p${10 + edit}`, 'New')
    await pollReader(other)
  }
  expect(await version()).toBe(1 + edits)
  const expected = await pollReader(newReader())
  expect(expected.text.match(/"New"/g)?.length ?? 0).toBe(edits)
  expect(expected.text).not.toContain('"Lost"')
  expect(await pollReader(running)).toEqual(expected)
})

test('a copy of an earlier version of the same history loads only the chunks that changed since', async () => {
  const running = newReader()
  await pollReader(running)
  await run(`update feed_chunks set body = '' where slot <> catalog_hash('p1') / 256`)
  for (const title of ['Second', 'Third']) {
    await rename('p1', title)
    expect((await pollReader(running)).text).toContain(`"${title}"`)
  }
  expect(running.warnings).toEqual([])
})

test('builds are recorded of the last ten thousand versions, and of each feed by itself', async () => {
  await newReader().reader.refresh('stores')
  await run(`update feed_state set version = 10000 where feed = 'products'`)
  for (const title of ['Second', 'Third']) {
    await rename('p1', title)
    await pollReader(newReader())
  }
  expect(
    await run('select feed, version::int as version from feed_builds order by feed, version'),
  ).toEqual([
    { feed: 'products', version: 10_001 },
    { feed: 'products', version: 10_002 },
    { feed: 'stores', version: 1 },
  ])
})
