/** What database triggers keep consistent, whoever writes. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { saveRecord, saveRecords } from '../../src/catalog/catalog-writes.ts'
import { productResource } from '../../src/catalog/products.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  const { db } = database
  await db.execute(sql`truncate products, stores, product_stores`)
  await db.execute(sql`insert into products (id, title) values ('p1', 'One'), ('p2', 'Two')`)
  await db.execute(sql`insert into stores (id, title) values ('s1', 'East'), ('s2', 'West')`)
  await db.execute(sql`insert into product_stores values ('p1', 's1'), ('p2', 's1'), ('p1', 's2')`)
})

async function catalogIds(): Promise<string[]> {
  const rows = await database.db.execute<{ entry: string }>(
    sql`select kind || ' ' || id as entry from catalog_ids order by 1`,
  )
  return rows.map(({ entry }) => entry)
}

async function links(): Promise<string[]> {
  const rows = await database.db.execute<{ link: string }>(
    sql`select product_id || ' in ' || store_id as link from product_stores order by 1`,
  )
  return rows.map(({ link }) => link)
}

test('ids are listed as they come, change and go, and links follow them', async () => {
  const { db } = database
  expect(await catalogIds()).toEqual(['product p1', 'product p2', 'store s1', 'store s2'])
  await db.execute(sql`update products set id = 'p3' where id = 'p1'`)
  expect(await catalogIds()).toEqual(['product p2', 'product p3', 'store s1', 'store s2'])
  expect(await links()).toEqual(['p2 in s1', 'p3 in s1', 'p3 in s2'])
  await db.execute(sql`delete from stores where id = 's1'`)
  expect(await catalogIds()).toEqual(['product p2', 'product p3', 'store s2'])
  expect(await links()).toEqual(['p3 in s2'])
})

test('many ids may be renamed at once, also to one another', async () => {
  await database.db.execute(sql`update products set id = id || '-old'`)
  await database.db.execute(sql`update stores set id = case id when 's1' then 'p1' else 'p2' end`)
  expect(await catalogIds()).toEqual(['product p1-old', 'product p2-old', 'store p1', 'store p2'])
})

test('a truncated table leaves no id behind, and the other table’s ids stay', async () => {
  await database.db.execute(sql`truncate products cascade`)
  expect(await catalogIds()).toEqual(['store s1', 'store s2'])
  expect(await links()).toEqual([])
  await database.db.execute(sql`insert into stores (id, title) values ('p1', 'Free now')`)
  expect(await catalogIds()).toContain('store p1')
})

test('an id that is freed and taken in one transaction changes its kind', async () => {
  await database.db.transaction(async (tx) => {
    await tx.execute(sql`delete from products where id = 'p1'`)
    await tx.execute(sql`insert into stores (id, title) values ('p1', 'Store')`)
  })
  expect(await catalogIds()).toEqual(['product p2', 'store p1', 'store s1', 'store s2'])
})

type Mark = { version: string; updated_at: string; xmin: string }

async function markOf(id: string, table = 'products'): Promise<Mark | undefined> {
  const [row] = await database.db.execute<Mark>(
    sql`select version, updated_at, xmin::text from ${sql.identifier(table)} where id = ${id}`,
  )
  return row
}

test.each(['products', 'stores'])('every SQL edit of %s moves version and time', async (table) => {
  const id = `${table[0]}1`
  const before = await markOf(id, table)
  await database.db.execute(sql`
    update ${sql.identifier(table)} set title = title, version = 1, updated_at = '2001-01-01' where id = ${id}`)
  const after = await markOf(id, table)
  expect(Number(after?.version)).toBeGreaterThan(Number(before?.version))
  expect(after?.updated_at).not.toMatch(/^2001/)
  expect(Date.parse(after?.updated_at ?? '')).toBeGreaterThanOrEqual(
    Date.parse(before?.updated_at ?? ''),
  )
})

test('an upsert that changes nothing writes nothing', async () => {
  const input = {
    id: 'full',
    title: 'Full',
    price: 1.5,
    categories: ['a', 'b'],
    metadata: { color: 'red', size: 1 },
    store_ids: ['s1'],
  }
  await saveRecord(database.db, productResource, input)
  const before = await markOf('full')
  const same = { ...input, price: 1.5, metadata: { size: 1, color: 'red' }, brand: null }
  expect(await saveRecord(database.db, productResource, same)).toMatchObject({ created: false })
  expect(await saveRecords(database.db, productResource, [same])).toEqual({
    created: 0,
    updated: 0,
    unchanged: 1,
  })
  expect(await markOf('full')).toEqual(before)
  await saveRecord(database.db, productResource, { ...input, categories: ['b', 'a'] })
  expect(await markOf('full')).not.toEqual(before)
})
