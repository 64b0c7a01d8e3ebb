/** For tests: stores that list so much that their lists are stored in pieces; here a piece has about 200 bytes. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import type { FeedFormat } from '../../src/db/schema/feeds.ts'
import { inflateSegment } from '../../src/feeds/deflate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startReader, type TestReader } from './readers.ts'

let database: TestDatabase
/** With memories of their own. */
let readers: TestReader[]

export const newReader = () =>
  startReader(database.db, { pieceBytes: 200, maxDrop: 1, storeProductIds: true, waitMs: 30_000 })
export const testDatabase = () => database.db
export const run = (text: string) => database.db.execute(sql.raw(text))

export const firstReader = (): TestReader => {
  const [one] = readers
  if (!one) throw new Error('there are two')
  return one
}

/** The second reader is from now on this one. */
export function replaceSecond(reader: TestReader): void {
  readers = [firstReader(), reader]
}

/** Ids that both formats, one of them, or none escapes, and that sort otherwise by code unit than by code point. */
const productId = `case n % 40
  when 0 then 'p&' || n when 1 then '<' || n || '>' when 2 then '"' || n || '"' when 3 then 'b\\' || n
  when 4 then U&'\\+01F600' || n when 5 then U&'\\FFEE' || n when 6 then 'ü ' || n else 'p' || n end`

async function fill(): Promise<void> {
  await run('truncate products, stores cascade')
  await run('truncate feed_state, feed_chunks, feed_changes')
  await run(
    `insert into stores (id, title) select 's' || k, 'Store ' || k from generate_series(1, 70) k`,
  )
  await run(
    `insert into products (id, title) select ${productId}, 'T' from generate_series(1, 300) n`,
  )
  await run(`
    insert into product_stores (product_id, store_id)
    select p.id, s.id from products p, stores s where s.id in ('s1', 's2', 's3', 's4', 's5', 's6') and (p.hash + s.hash) % 5 <> 0
    union all select p.id, s.id from products p, stores s where s.id not in ('s1', 's2', 's3', 's4', 's5', 's6') and (p.hash + s.hash) % 60 = 0`)
  readers = [newReader(), newReader()]
}

/** A database for a file of tests, filled anew for each of them. */
export function useLongLists(): void {
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())
  beforeEach(fill)
}

export async function read({ reader }: TestReader, format: FeedFormat): Promise<string> {
  const { response, freshness } = await reader.poll('stores', format, { number: 1, of: 1 })
  expect(freshness).toBe('fresh')
  let text = ''
  for await (const piece of response.text()) text += piece
  return text
}

/** What is stored, but for versions and bodies. */
const stored = () =>
  run(`
    select c.format, c.slot, c.items, c.crc::float8 as crc, c.bytes, c.lists,
      (select json_agg(array[l.item, l.first, l.crc::text, l.bytes::text] order by l.item, l.first) from feed_lists l
        where l.feed = c.feed and l.format = c.format and l.slot = c.slot) as pieces
    from feed_chunks c where c.feed = 'stores' order by 1, 2`)

/** By a query of its own. */
async function expectedLists(): Promise<Record<string, string>> {
  const rows = await run(`
    select s.id, coalesce(string_agg(p.id, ',' order by p.id), 'n/a') as ids from stores s
    left join product_stores l on l.store_id = s.id left join products p on p.id = l.product_id and p.published
    where s.published group by s.id`)
  return Object.fromEntries(rows.map(({ id, ids }) => [String(id), String(ids)]))
}

export async function expectRight(): Promise<void> {
  const [one, other] = readers
  if (!one || !other) throw new Error('there are two')
  const texts = [await read(one, 'json'), await read(one, 'xml')]
  expect([await read(other, 'json'), await read(other, 'xml')]).toEqual(texts)
  const items: { $id: string; product_ids: string }[] = JSON.parse(texts[0] ?? '')
  expect(Object.fromEntries(items.map((item) => [item.$id, item.product_ids]))).toEqual(
    await expectedLists(),
  )
}

/** That what many refreshes have left is what one makes from nothing: the texts, and how they are stored. */
export async function expectAsFromNothing(): Promise<void> {
  const one = firstReader()
  const texts = [await read(one, 'json'), await read(one, 'xml')]
  const before = await stored()
  await run('truncate feed_state, feed_chunks, feed_changes')
  const next = newReader()
  expect([await read(next, 'json'), await read(next, 'xml')]).toEqual(texts)
  expect(await stored()).toEqual(before)
  readers = [next, newReader()]
}

export async function expectPartition(): Promise<number> {
  const lists = await expectedLists()
  const pieces = await database.db.execute<{
    item: string
    first: string
    body: Buffer
    crc: number
    bytes: number
  }>(
    sql`select item, first, body, crc::float8 as crc, bytes from feed_lists where feed = 'stores' and format = 'json' order by item, first`,
  )
  const found: Record<string, string[]> = {}
  for (const { item, first, ...segment } of pieces) {
    const ids: string = JSON.parse(`"${await inflateSegment(segment)}"`)
    if (first !== '') expect(ids.split(',')[0]).toBe(first)
    found[item] = [...(found[item] ?? []), ids]
  }
  for (const [item, own] of Object.entries(found)) expect(own.join()).toBe(lists[item])
  const long = Object.entries(lists).filter(
    ([, ids]) => Buffer.byteLength(JSON.stringify(ids)) - 2 > 400,
  )
  expect(Object.keys(found).sort()).toEqual(long.map(([id]) => id).sort())
  return pieces.length
}
