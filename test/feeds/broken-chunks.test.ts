import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { pollReader, startReader } from './readers.ts'
import { until } from './until.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.execute(sql`
    insert into products (id, title) select 'p' || n, 'Product ' || n from generate_series(1, 500) n`)
})
afterAll(() => database.close())

const newReader = () => startReader(database.db)

beforeEach(async () => {
  await pollReader(newReader())
})

const countItems = (text: string) => JSON.parse(text).length

const damages: [string, string][] = [
  ['bytes flipped in its body', `body = set_byte(c.body, 20, get_byte(c.body, 20) # 255)`],
  ['the wrong checksum', 'crc = c.crc # 1'],
  ['the wrong length', 'bytes = c.bytes + 1'],
  ['its body cut short', 'body = substring(c.body from 1 for length(c.body) / 2)'],
  ['its body without an end', 'body = substring(c.body from 1 for length(c.body) - 4)'],
  ['no body', `body = ''`],
  ['the text of another', `body = other.body, bytes = other.bytes`],
]

test.each(damages)('a chunk with %s is rendered again, and the log says so', async (_, damage) => {
  const running = newReader()
  const before = await pollReader(running)
  expect(countItems(before.text)).toBe(500)
  await database.db.execute(sql`
    update feed_chunks c set ${sql.raw(damage)} from feed_chunks other
    where c.feed = 'products' and c.format = 'json' and c.slot = 7
      and other.feed = c.feed and other.format = c.format and other.slot = 8`)

  const reader = newReader()
  expect(await pollReader(reader)).toEqual(before)
  expect(reader.warnings).toContain('broken chunks of a feed are rendered again')
  expect(reader.warnings).toContainEqual(expect.stringMatching(/do not match their checksums: 7$/))
  expect(await pollReader(running)).toEqual(before)

  const after = newReader()
  expect(await pollReader(after)).toEqual(before)
  expect(after.warnings).toEqual([])
})

test('several chunks of both formats are made again, however many readers find them at once', async () => {
  const before = await pollReader(newReader(), 'xml')
  await database.db.execute(sql`update feed_chunks set crc = 1 where slot % 3 = 0`)
  const readers = Array.from({ length: 4 }, () => newReader())
  for (const { text } of await Promise.all(readers.map((reader) => pollReader(reader, 'xml'))))
    expect(text).toBe(before.text)
  for (const { text } of await Promise.all(readers.map((reader) => pollReader(reader))))
    expect(countItems(text)).toBe(500)
})

test.each([
  ['one row is', `slot = 9 and format = 'json'`],
  ['the last row is', `slot = 63`],
  ['all rows are', 'true'],
])('the feed is never short when %s gone', async (_, where) => {
  const before = await pollReader(newReader())
  await database.db.execute(sql`delete from feed_chunks where ${sql.raw(where)}`)
  expect(await pollReader(newReader())).toEqual(before)
  const [state] = await database.db.execute(
    sql`select items from feed_state where feed = 'products'`,
  )
  expect(state).toEqual({ items: 500 })
})

test('a broken chunk that readers find at the same time is noted once', async () => {
  await database.db.transaction(async (tx) => {
    // So that none of them makes it again before all have found it.
    await tx.execute(
      sql`select pg_advisory_xact_lock(hashtext('storefeed.feed'), hashtext('products'))`,
    )
    await database.db.execute(sql`
      update feed_chunks set crc = crc # 1 where feed = 'products' and format = 'json' and slot = 7`)
    for (let finder = 0; finder < 3; finder++) {
      const reader = startReader(database.db, { waitMs: 0 })
      await until(
        async () => {
          await reader.reader.poll('products', 'json', { number: 1, of: 1 }).catch(() => undefined)
          return reader.warnings
        },
        (warnings) => warnings.includes('broken chunks of a feed are rendered again'),
      )
    }
    expect(await database.db.execute(sql`select feed, hash from feed_changes`)).toEqual([
      { feed: 'products', hash: 7 * 256 },
    ])
  })
  expect(countItems((await pollReader(newReader())).text)).toBe(500)
})
