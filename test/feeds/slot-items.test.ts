import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { pollReader, startReader, type TestReader } from './readers.ts'

let database: TestDatabase
let reader: TestReader

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const run = (text: string) => database.db.execute(sql.raw(text))
const newReader = () => startReader(database.db, { maxDrop: 1, waitMs: 30_000 })

/** Several in each slot; some ids have what a format escapes. */
beforeEach(async () => {
  await run('truncate products, stores cascade')
  await run('truncate feed_state, feed_chunks, feed_changes')
  await run(`insert into stores (id, title) select 's' || n, 'S' from generate_series(1, 4) n`)
  await run(`
    insert into products (id, title) select case n % 9 when 1 then '<' || n
      when 2 then '"' || n || E'\\\\' else 'p' || n end, E'A\\nB,\\n<C> ' || n from generate_series(1, 600) n`)
  await run(`
    insert into product_stores (product_id, store_id) select p.id, s.id from products p, stores s where (p.hash + s.hash) % 3 = 0`)
  reader = newReader()
  await both()
})

async function both(of: TestReader = reader): Promise<{ json: string; xml: string }> {
  const [json, xml] = [await pollReader(of, 'json'), await pollReader(of, 'xml')]
  expect([json.freshness, xml.freshness]).toEqual(['fresh', 'fresh'])
  return { json: json.text, xml: xml.text }
}

async function expectAsFromNothing(): Promise<void> {
  const served = await both()
  await run('truncate feed_state, feed_chunks, feed_changes')
  reader = newReader()
  expect(await both()).toEqual(served)
}

/** Two products of the same slot and of different hashes. */
async function neighbours(): Promise<[string, string]> {
  const [pair] = await run(`
    select a.id as one, b.id as other from products a join products b on a.hash / 256 = b.hash / 256 and a.hash < b.hash
    where a.id ~ '^p[0-9]+$' and b.id ~ '^p[0-9]+$' order by a.hash, b.hash limit 1`)
  return [String(pair?.one), String(pair?.other)]
}

async function titleOf(id: string): Promise<string> {
  const items: { $id: string; $title: string }[] = JSON.parse((await both()).json)
  return items.find((item) => item.$id === id)?.$title ?? ''
}

test('of a slot only the items that changed are read', async () => {
  const [changed, silent] = await neighbours()
  // Without a record of it, so that it shows what was read.
  await run('alter table products disable trigger all')
  await run(`update products set title = 'Silent' where id = '${silent}'`)
  await run('alter table products enable trigger all')
  await run(`update products set title = 'Changed' where id = '${changed}'`)
  expect(await titleOf(changed)).toBe('Changed')
  expect(await titleOf(silent)).not.toBe('Silent')
  await run(`update products set price = 5 where id = '${silent}'`)
  expect(await titleOf(silent)).toBe('Silent')
  await expectAsFromNothing()
})

test.each(['json', 'xml'])(
  'where the stored chunk in %s is broken, all items are read',
  async (format) => {
    const [changed, other] = await neighbours()
    await run(`
    update feed_chunks c set body = set_byte(c.body, 20, get_byte(c.body, 20) # 255) from products p
    where c.feed = 'products' and c.format = '${format}' and p.id = '${changed}' and c.slot = p.hash / 256`)
    await run(`update products set title = 'Changed' where id = '${changed}'`)
    expect(await titleOf(changed)).toBe('Changed')
    expect(await titleOf(other)).toMatch(/^A\nB/)
    await expectAsFromNothing()
  },
)

const anyProduct = fc
  .nat(600)
  .map((n) => `(select id from products order by id offset ${n} limit 1)`)
const anyStore = fc.integer({ min: 1, max: 4 }).map((k) => `'s${k}'`)
const anyWrite = fc.oneof(
  anyProduct.map((p) => `update products set title = title || '!' where id = ${p}`),
  anyProduct.map((p) => `update products set published = not published where id = ${p}`),
  anyProduct.map((p) => `delete from products where id = ${p}`),
  anyProduct.map((p) => `update products set id = id || 'x' where id = ${p}`),
  fc
    .nat(50)
    .map(
      (n) => `insert into products (id, title) values ('new${n}', 'New') on conflict do nothing`,
    ),
  anyStore.map((s) => `update stores set published = not published where id = ${s}`),
  fc
    .tuple(anyProduct, anyStore)
    .map(([p, s]) => `delete from product_stores where product_id = ${p} and store_id = ${s}`),
  fc.tuple(anyProduct, anyStore).map(
    ([p, s]) => `
    insert into product_stores (product_id, store_id) select p.id, s.id from products p, stores s
    where p.id = ${p} and s.id = ${s} on conflict do nothing`,
  ),
)

test('after any writes to few items the feed is as made from nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(anyWrite, { minLength: 1, maxLength: 3 }), { minLength: 4, maxLength: 12 }),
      async (rounds) => {
        for (const writes of rounds) {
          for (const write of writes) await run(write)
          await both()
        }
        await expectAsFromNothing()
      },
    ),
    { numRuns: 20 },
  )
}, 240_000)
