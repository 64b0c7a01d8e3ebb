/** In charge of showing that a chunk that was damaged in the database is never served, but found, told of and made again. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { FeedFormat } from '../../src/db/schema/feeds.ts'
import { createFeedReader, type FeedReader } from '../../src/feeds/feed-reader.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'

let database: TestDatabase
const whole = { number: 1, of: 1 }

beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.execute(sql`
    insert into products (id, title) select 'p' || n, 'Product ' || n from generate_series(1, 500) n`)
})
afterAll(() => database.close())

beforeEach(async () => {
  await poll(startReader().reader)
})

function startReader(): { reader: FeedReader; warnings: string[] } {
  const warnings: string[] = []
  const warn = (message: string, error: unknown) => {
    warnings.push(message, error instanceof Error ? error.message : 'no error')
  }
  const settings = { decimals: 2, recipe: 'test', maxDrop: 0.5, waitMs: 10_000, warn }
  return { reader: createFeedReader(database.db, settings), warnings }
}

async function poll(reader: FeedReader, format: FeedFormat = 'json') {
  const { served, freshness } = await reader.poll('products', format, whole)
  let text = ''
  for await (const piece of served.text()) text += piece
  return { freshness, text }
}

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
  const running = startReader().reader
  const before = await poll(running)
  expect(countItems(before.text)).toBe(500)
  await database.db.execute(sql`
    update feed_chunks c set ${sql.raw(damage)} from feed_chunks other
    where c.feed = 'products' and c.format = 'json' and c.slot = 7
      and other.feed = c.feed and other.format = c.format and other.slot = 8`)

  const { reader, warnings } = startReader()
  expect(await poll(reader)).toEqual(before)
  expect(warnings).toContain('a feed was found broken and is rendered again')
  expect(warnings).toContainEqual(expect.stringMatching(/do not match their checksums: 7$/))
  expect(await poll(running)).toEqual(before)

  const after = startReader()
  expect(await poll(after.reader)).toEqual(before)
  expect(after.warnings).toEqual([])
})

test('several chunks of both formats are made again, however many readers find them at once', async () => {
  const before = await poll(startReader().reader, 'xml')
  await database.db.execute(sql`update feed_chunks set crc = 1 where slot % 3 = 0`)
  const readers = Array.from({ length: 4 }, () => startReader().reader)
  for (const { text } of await Promise.all(readers.map((reader) => poll(reader, 'xml'))))
    expect(text).toBe(before.text)
  for (const { text } of await Promise.all(readers.map((reader) => poll(reader))))
    expect(countItems(text)).toBe(500)
})

test.each([
  ['one row is', `slot = 9 and format = 'json'`],
  ['the last row is', `slot = 63`],
  ['all rows are', 'true'],
])('the feed is never short when %s gone', async (_, where) => {
  const before = await poll(startReader().reader)
  await database.db.execute(sql`delete from feed_chunks where ${sql.raw(where)}`)
  expect(await poll(startReader().reader)).toEqual(before)
  const [state] = await database.db.execute(
    sql`select items from feed_state where feed = 'products'`,
  )
  expect(state).toEqual({ items: 500 })
})

test('a copy in memory is made anew when the database was set back and counts its versions again', async () => {
  const { reader } = startReader()
  await poll(reader)
  await database.db.execute(sql`truncate feed_state, feed_chunks, feed_changes`)
  await database.db.execute(sql`update products set title = 'Restored' where id = 'p1'`)
  const anew = await poll(startReader().reader)
  expect(anew.text).toContain('"Restored"')
  expect(await poll(reader)).toEqual(anew)
})
