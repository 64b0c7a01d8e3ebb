import { type SQL, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Queryable } from '../../src/db/connection.ts'
import { feedNames } from '../../src/db/schema/feeds.ts'
import {
  markAllChanged,
  readPendingChanges,
  removePendingChanges,
} from '../../src/feeds/pending-changes.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
const everyId = 'p1 p2 p3 p-hidden p-new s1 s2 s3 s-hidden s-new'.split(' ')

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

beforeEach(async () => {
  const { db } = database
  await db.execute(sql`truncate products, stores cascade`)
  await db.execute(sql`insert into products (id, title, published) values
    ('p1', 'One', true), ('p2', 'Two', true), ('p3', 'Three', true), ('p-hidden', 'Hidden', false)`)
  await db.execute(sql`insert into stores (id, title, published) values
    ('s1', 'One', true), ('s2', 'Two', true), ('s3', 'Three', true), ('s-hidden', 'Hidden', false)`)
  await db.execute(sql`insert into product_stores (product_id, store_id) values
    ('p1', 's1'), ('p1', 's2'), ('p2', 's2'), ('p-hidden', 's3'), ('p3', 's-hidden')`)
  await takeNotes()
})

/** Whose hashes are recorded; `everything` for a change of all. */
async function takeNotes(): Promise<{ products: string[]; stores: string[] }> {
  const { db } = database
  const hashes = await db.execute<{ id: string; hash: number }>(
    sql`select id, catalog_hash(id) as hash from unnest(string_to_array(${everyId.join(' ')}, ' ')) id`,
  )
  const names = new Map([...hashes.map(({ id, hash }) => [hash, id] as const), [-1, 'everything']])
  const taken = { products: [] as string[], stores: [] as string[] }
  for (const feed of feedNames) {
    const { hashes: changed, links } = await readPendingChanges(db, feed)
    const items = [...changed].map((hash) => names.get(hash) ?? `${hash}`)
    taken[feed] = [...new Set([...items, ...links.map(({ item }) => item)])].sort()
    await removePendingChanges(db, feed)
  }
  return taken
}

type Case = [name: string, write: SQL, products: string[], stores: string[]]

const cases: Case[] = [
  [
    'an insert records what is published',
    sql`insert into products (id, title, published) values ('p-new', 'New', true), ('p-hidden2', 'New', false)`,
    ['p-new'],
    [],
  ],
  [
    'an update records the product alone',
    sql`update products set title = 'X' where id = 'p1'`,
    ['p1'],
    [],
  ],
  [
    'an update records the store alone',
    sql`update stores set phone = '1' where id = 's2'`,
    [],
    ['s2'],
  ],
  [
    'an update of nothing records nothing',
    sql`update products set title = 'X' where id = 'none'`,
    [],
    [],
  ],
  [
    'what is in no feed records nothing',
    sql`update products set title = 'X' where id = 'p-hidden'`,
    [],
    [],
  ],
  [
    'a hidden product that goes takes no item with it but records the stores it was linked to',
    sql`delete from products where id = 'p-hidden'`,
    ['p-hidden'],
    ['s3'],
  ],
  [
    'publishing a product records the stores that sell it',
    sql`update products set published = true where id = 'p-hidden'`,
    ['p-hidden'],
    ['s3'],
  ],
  [
    'withdrawing a product records the stores that sold it',
    sql`update products set published = false where id in ('p1', 'p3')`,
    ['p1', 'p3'],
    ['s-hidden', 's1', 's2'],
  ],
  [
    'publishing a store records the products it sells',
    sql`update stores set published = true where id = 's-hidden'`,
    ['p3'],
    ['s-hidden'],
  ],
  [
    'withdrawing a store records the products it sold',
    sql`update stores set published = false where id = 's2'`,
    ['p1', 'p2'],
    ['s2'],
  ],
  [
    'a new id records the old one, the new one and the stores, by cascade',
    sql`update products set id = 'p-new' where id = 'p1'`,
    ['p-new', 'p1'],
    ['s1', 's2'],
  ],
  [
    'a new id of a store records the products too',
    sql`update stores set id = 's-new' where id = 's2'`,
    ['p1', 'p2'],
    ['s-new', 's2'],
  ],
  [
    'a delete records the stores, by cascade',
    sql`delete from products where id = 'p1'`,
    ['p1'],
    ['s1', 's2'],
  ],
  [
    'a delete of a store records the products',
    sql`delete from stores where id = 's2'`,
    ['p1', 'p2'],
    ['s2'],
  ],
  [
    'a new link records both sides',
    sql`insert into product_stores values ('p3', 's3'), ('p2', 's3')`,
    ['p2', 'p3'],
    ['s3'],
  ],
  [
    'a link that moves records the old side and the new one',
    sql`update product_stores set store_id = 's3' where product_id = 'p2'`,
    ['p2'],
    ['s2', 's3'],
  ],
  [
    'a link that goes records both sides',
    sql`delete from product_stores where store_id = 's1'`,
    ['p1'],
    ['s1'],
  ],
  [
    'an upsert records what it inserts and what it updates, not what it leaves',
    sql`insert into products (id, title) values ('p-new', 'New'), ('p1', 'New'), ('p2', 'Two')
      on conflict (id) do update set title = excluded.title where products.title <> excluded.title`,
    ['p-new', 'p1'],
    [],
  ],
  [
    'a statement that writes to several tables records each',
    sql`with gone as (delete from product_stores where product_id = 'p1')
      update stores set title = 'X' where id = 's3'`,
    ['p1'],
    ['s1', 's2', 's3'],
  ],
  [
    'TRUNCATE of products records everything',
    sql`truncate products cascade`,
    ['everything'],
    ['everything'],
  ],
  [
    'TRUNCATE of stores records everything',
    sql`truncate stores cascade`,
    ['everything'],
    ['everything'],
  ],
  [
    'TRUNCATE of links records everything',
    sql`truncate product_stores`,
    ['everything'],
    ['everything'],
  ],
]

test.each(cases)('%s', async (_, write, products, stores) => {
  await database.db.execute(write)
  expect(await takeNotes()).toEqual({ products, stores })
})

test('COPY records like an insert', async () => {
  await database.db.execute(
    sql`copy products (id, title) from program ${sql.raw(String.raw`'printf "p-new\tNew\n"'`)}`,
  )
  expect(await takeNotes()).toEqual({ products: ['p-new'], stores: [] })
})

test('a transaction that rolls back leaves no change, one that commits leaves all of them at once', async () => {
  const { db } = database
  const write = async (tx: Queryable) => {
    await tx.execute(sql`update products set title = 'X' where id = 'p1'`)
    await tx.execute(sql`delete from stores where id = 's1'`)
    expect(await takeNotes()).toEqual({ products: [], stores: [] })
  }
  const failed = db.transaction(async (tx) => {
    await write(tx)
    throw new Error('no')
  })
  await expect(failed).rejects.toThrow('no')
  expect(await takeNotes()).toEqual({ products: [], stores: [] })
  await db.transaction(write)
  expect(await takeNotes()).toEqual({ products: ['p1'], stores: ['s1'] })
})

test('a statement records one change a hash, however many rows it writes', async () => {
  const { db } = database
  await db.execute(sql`
    insert into products (id, title) select 'x' || n, 'Title' from generate_series(1, 100000) n`)
  await db.execute(sql`update products set price = 1`)
  const [rows] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from feed_changes where feed = 'products'`,
  )
  expect(rows?.count).toBeLessThanOrEqual(2 * 16_384)
  expect(rows?.count).toBeGreaterThan(2 * 16_000)
})

test('a rebuild records everything', async () => {
  await markAllChanged(database.db)
  expect(await takeNotes()).toEqual({ products: ['everything'], stores: ['everything'] })
})
