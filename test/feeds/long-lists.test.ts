/** Stores that list so much that their lists are stored in pieces; here a piece has about 200 bytes. */
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { FeedFormat } from '../../src/db/schema/feeds.ts'
import { inflateSegment } from '../../src/feeds/deflate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { startReader, type TestReader } from './readers.ts'

let database: TestDatabase
let readers: TestReader[]

const newReader = () =>
  startReader(database.db, { pieceBytes: 200, maxDrop: 1, storeProductIds: true, waitMs: 30_000 })
const run = (text: string) => database.db.execute(sql.raw(text))

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

/** Ids that both formats, one of them, or none escapes, and that sort otherwise by code unit than by code point. */
const productId = `case n % 40
  when 0 then 'p&' || n when 1 then '<' || n || '>' when 2 then '"' || n || '"' when 3 then 'b\\' || n
  when 4 then U&'\\+01F600' || n when 5 then U&'\\FFEE' || n when 6 then 'ü ' || n else 'p' || n end`

beforeEach(async () => {
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
})

async function read({ reader }: TestReader, format: FeedFormat): Promise<string> {
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

async function expectRight(): Promise<void> {
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
async function expectAsFromNothing(): Promise<void> {
  const [one] = readers
  if (!one) throw new Error('there are two')
  const texts = [await read(one, 'json'), await read(one, 'xml')]
  const before = await stored()
  await run('truncate feed_state, feed_chunks, feed_changes')
  const next = newReader()
  expect([await read(next, 'json'), await read(next, 'xml')]).toEqual(texts)
  expect(await stored()).toEqual(before)
  readers = [next, newReader()]
}

async function expectPartition(): Promise<number> {
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

test('long lists are stored in pieces, which partition them', async () => {
  await expectRight()
  expect(await expectPartition()).toBeGreaterThan(20)
  await expectAsFromNothing()
})

const anyStore = fc.integer({ min: 1, max: 8 }).map((k) => `'s${k}'`)
const anyProduct = fc
  .nat(300)
  .map((n) => `(select id from products order by id offset ${n} limit 1)`)
const some = (share: number) => fc.nat(share - 1).map((n) => `p.hash % ${share} = ${n}`)

const anyWrite = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(anyProduct, anyStore)
      .map(([p, s]) => `delete from product_stores where product_id = ${p} and store_id = ${s}`),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(anyProduct, anyStore)
      .map(
        ([p, s]) =>
          `insert into product_stores (product_id, store_id) select p.id, s.id from products p, stores s where p.id = ${p} and s.id = ${s} on conflict do nothing`,
      ),
  },
  fc
    .tuple(fc.oneof(some(3), some(40)), anyStore)
    .map(
      ([where, s]) =>
        `delete from product_stores l using products p where p.id = l.product_id and ${where} and l.store_id = ${s}`,
    ),
  fc
    .tuple(fc.oneof(some(2), some(40)), anyStore)
    .map(
      ([where, s]) =>
        `insert into product_stores (product_id, store_id) select p.id, s.id from products p, stores s where ${where} and s.id = ${s} on conflict do nothing`,
    ),
  anyProduct.map((p) => `update products set published = not published where id = ${p}`),
  some(20).map((where) => `update products p set published = not published where ${where}`),
  anyProduct.map((p) => `delete from products where id = ${p}`),
  anyStore.map((s) => `update stores set published = not published where id = ${s}`),
  anyStore.map((s) => `update stores set title = title || '!' where id = ${s}`),
  fc.tuple(anyProduct, anyStore).map(
    ([p, s]) => `begin; update stores set title = 'Both' where id = ${s};
      delete from product_stores where product_id = ${p} and store_id = ${s}; commit`,
  ),
  fc.tuple(anyProduct, anyStore).map(
    ([
      p,
      s,
    ]) => `update product_stores set store_id = 's9' where product_id = ${p} and store_id = ${s}
      and not exists (select from product_stores where product_id = ${p} and store_id = 's9')`,
  ),
  fc.constant(`delete from stores where id = 's8'`),
  fc.constant(`insert into stores (id, title) values ('s8', 'Again') on conflict do nothing`),
  fc.constant(`insert into feed_changes (feed, hash) values ('stores', -1)`),
)

test('after any links, publishing and deletes the feed is as made from nothing, by every reader', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyWrite, { minLength: 1, maxLength: 3 }), { minLength: 5, maxLength: 12 }),
      async (rounds) => {
        for (const writes of rounds) {
          for (const write of writes) await run(write)
          await expectRight()
        }
        await expectPartition()
        await expectAsFromNothing()
      },
    ),
    { numRuns: 12 },
  )
}, 240_000)

test('one link renders one piece, or two where it begins one, and the frame stays', async () => {
  await expectRight()
  const [before] = await run(
    `select max(version)::int as version from feed_chunks where feed = 'stores'`,
  )
  const version = Number(before?.version)
  await run(`delete from product_stores where store_id = 's1' and product_id = 'p107'`)
  await run(`delete from product_stores where store_id = 's1' and product_id = 'p108'`)
  await expectRight()
  const [changed] = await run(`
    select count(*)::int as pieces from feed_lists where feed = 'stores' and format = 'xml' and version > ${version}`)
  expect(Number(changed?.pieces)).toBeLessThanOrEqual(4)
  await expectAsFromNothing()
})

test('of a long list only the piece of a changed link is read', async () => {
  await expectRight()
  const [reader] = readers
  if (!reader) throw new Error('there are two')
  // Without a record of it, so that it shows what was read.
  await run('alter table product_stores disable trigger all')
  await run(`delete from product_stores where store_id = 's1' and product_id = 'p292'`)
  await run('alter table product_stores enable trigger all')
  await run(`delete from product_stores where store_id = 's1' and product_id = 'p108'`)
  const text = await read(reader, 'json')
  expect(text).toContain('p292')
  await run(`update stores set title = 'Whole' where id = 's1'`)
  await expectRight()
})

const damages: [string, string][] = [
  [
    'whose body is broken',
    `update feed_lists set body = set_byte(body, 8, get_byte(body, 8) # 255) where item = 's1'`,
  ],
  ['with the checksum of another', `update feed_lists set crc = crc # 1 where item = 's1'`],
  ['that is gone', `delete from feed_lists where item = 's1' and format = 'json'`],
  ['that are all gone', 'truncate feed_lists'],
  [
    'with the text of another',
    `update feed_lists l set body = o.body from feed_lists o
     where l.item = 's1' and o.item = 's2' and l.format = o.format and l.feed = o.feed`,
  ],
]

test.each(damages)('a piece %s is rendered again, and no poll is short', async (_, damage) => {
  await expectRight()
  const [running] = readers
  await run(damage)
  const late = newReader()
  if (running) readers = [running, late]
  await expectRight()
  expect(late.warnings).toContain('broken chunks of a feed are rendered again')
  await run(`delete from product_stores where store_id = 's1' and product_id = 'p107'`)
  await expectRight()
  await expectPartition()
  await expectAsFromNothing()
})

test('a copy in memory does not grow from pieces of another history', async () => {
  await expectRight()
  await run('create table kept_chunks as table feed_chunks')
  for (const table of ['feed_state', 'feed_lists', 'feed_builds', 'product_stores'])
    await run(`create table kept_${table} as table ${table}`)
  await run(
    `delete from product_stores where store_id = 's1' and product_id in ('p107', 'p108', 'p109')`,
  )
  await expectRight()
  // As a restore of all of it does.
  await run(`alter table product_stores disable trigger all; delete from product_stores;
    insert into product_stores table kept_product_stores; alter table product_stores enable trigger all`)
  await run(`truncate feed_state, feed_chunks, feed_lists, feed_builds, feed_changes;
    insert into feed_state table kept_feed_state; insert into feed_chunks table kept_chunks;
    insert into feed_lists table kept_feed_lists; insert into feed_builds table kept_feed_builds`)
  await run(`delete from product_stores where store_id = 's1' and product_id = 'p110'`)
  await expectRight()
  await expectAsFromNothing()
  for (const table of ['chunks', 'feed_state', 'feed_lists', 'feed_builds', 'product_stores'])
    await run(`drop table kept_${table}`)
})
