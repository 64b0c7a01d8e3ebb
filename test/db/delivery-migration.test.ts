/** A database that holds what the checks of deliveries now forbid is corrected by their migration, and stays in use. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))
let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase('template0')
})
afterAll(() => database.close())

async function apply(file: string): Promise<void> {
  const text = await readFile(join(folder, file), 'utf8')
  await database.db.transaction(async (tx) => {
    for (const statement of text.split('--> statement-breakpoint'))
      await tx.execute(sql.raw(statement))
  })
}

test('times and lines that no event can be built from are corrected, and the rows can be written again', async () => {
  const { db } = database
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  const migration = files.findIndex((name) => name.endsWith('_delivery.sql'))
  for (const file of files.slice(0, migration)) await apply(file)
  await db.execute(sql`insert into customers (id, email) values ('c1', 'c1@klaviyo-demo.com')`)
  await db.execute(sql`insert into orders (id, customer_id, store_id, placed_at, currency, total) values
    ('good', 'c1', 's', '2026-01-01T10:00:00Z', 'USD', 1), ('forever', 'c1', 's', 'infinity', 'USD', 1),
    ('early', 'c1', 's', '0044-03-15 00:00:00+00 BC', 'USD', 1)`)
  await db.execute(sql`insert into order_updates (order_id, kind, id, occurred_at, items) values
    ('good', 'refunded', 'r1', '-infinity', '[{"line": 1.5, "quantity": 1}, {"line": 1, "quantity": 1}]'),
    ('good', 'refunded', 'r2', now(), '[1]')`)
  await db.execute(sql`insert into visits (customer_id, store_id, at) values
    ('c1', 's', 'infinity'), ('c1', 's', '-infinity')`)
  await apply(files[migration] ?? '')
  const corrected = await db.execute(sql`
    select id, placed_at = created_at as at_creation from orders order by id`)
  expect([...corrected]).toEqual([
    { id: 'early', at_creation: true },
    { id: 'forever', at_creation: true },
    { id: 'good', at_creation: false },
  ])
  const lines = await db.execute(sql`select items from order_updates order by id`)
  expect([...lines]).toEqual([{ items: [{ line: 1, quantity: 1 }] }, { items: [] }])
  const visits = await db.execute(sql`select from visits where isfinite(at)`)
  expect(visits).toHaveLength(2)
  await db.execute(sql`update customers set first_name = 'Jo'`)
  const [erased] = await db.execute(sql`select customers_erase('c1') as done`)
  expect(erased).toEqual({ done: true })
})
