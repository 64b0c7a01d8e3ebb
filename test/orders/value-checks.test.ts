/** Plain SQL may write what REST takes, and nothing that no event could be built from. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { postgresError } from '../../src/db/postgres-error.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  const { db } = database
  await db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
  await db.execute(sql`insert into customers (id, email) values ('c1', 'c1@klaviyo-demo.com')`)
  await db.execute(
    sql`insert into orders (id, customer_id, currency, total) values ('o1', 'c1', 'USD', 1)`,
  )
  await db.execute(
    sql`insert into order_items (order_id, line, product_id) values ('o1', 1, 'p'), ('o1', 2, 'q')`,
  )
  await db.execute(
    sql`insert into order_updates (order_id, kind, id) values ('o1', 'refunded', 'r1')`,
  )
})

async function refusalOf(statement: ReturnType<typeof sql>): Promise<string | undefined> {
  const error = await database.db.execute(statement).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  return postgresError(error)?.constraint ?? postgresError(error)?.message
}

const times = [
  'infinity',
  '-infinity',
  '0044-03-15 00:00:00+00 BC',
  '10000-01-01T00:00:00Z',
  '1990-12-31T00:00:00Z',
  '2999-01-01T00:00:00Z',
]

test.each(times)('nothing happens at %s', async (time) => {
  expect(await refusalOf(sql`update orders set placed_at = ${time}`)).toBe('orders_placed_at_valid')
  expect(await refusalOf(sql`update order_updates set occurred_at = ${time}`)).toBe(
    'order_updates_occurred_at_valid',
  )
  expect(
    await refusalOf(
      sql`insert into visits (customer_id, store_id, at) values ('c1', 's', ${time})`,
    ),
  ).toBe('visits_at_valid')
})

test.each(times.slice(0, 4))('nothing is written at %s', async (time) => {
  expect(await refusalOf(sql`update orders set created_at = ${time}`)).toBeDefined()
  expect(await refusalOf(sql`update order_updates set created_at = ${time}`)).toBeDefined()
  expect(await refusalOf(sql`update customers set created_at = ${time}`)).toBe(
    'customers_times_valid',
  )
  expect(await refusalOf(sql`update customers set most_recent_store_at = ${time}`)).toBe(
    'customers_most_recent_store_at_valid',
  )
})

test.each([
  '[{"line": 1.5, "quantity": 1}]',
  '[{"line": 1e10, "quantity": 1}]',
  '[{"line": 0, "quantity": 1}]',
  '[{"line": "1", "quantity": 1}]',
  '[{"line": 1, "quantity": 1e8}]',
  '[{"line": 1, "quantity": 0}]',
  '[{"line": 1}]',
  '[1]',
  '[[{"line": 1, "quantity": 1}]]',
  '[null]',
  '{"line": 1, "quantity": 1}',
  'null',
])('an update of the lines %s is refused', async (items) => {
  expect(await refusalOf(sql`update order_updates set items = ${items}::jsonb`)).toBe(
    'order_updates_items_valid',
  )
})

test('whole numbers of lines, and no lines at all, are taken', async () => {
  for (const items of ['[{"line": 1, "quantity": 0.5}, {"line": 2, "quantity": 9999999}]', null])
    expect(await refusalOf(sql`update order_updates set items = ${items}::jsonb`)).toBeUndefined()
})

test.each([
  ['orders', sql`update orders set id = 'o2'`],
  ['order_items', sql`update order_items set line = line + 10`],
  ['order_updates', sql`update order_updates set id = 'r2'`],
  ['order_updates', sql`update order_updates set kind = 'cancelled'`],
])(
  'a key of %s that events name cannot be changed, and the refusal says why',
  async (table, change) => {
    expect(await refusalOf(change)).toBe(
      `the key of this row of ${table} cannot be changed: events to Klaviyo name it`,
    )
  },
)

test('other columns of these rows can, and a key that no event names too', async () => {
  expect(await refusalOf(sql`update order_items set line = 1, sku = 'S' where line = 1`)).toBe(
    undefined,
  )
  await database.db.execute(sql`truncate outbox`)
  expect(await refusalOf(sql`update orders set id = 'o2'`)).toBe(undefined)
  const lines = await database.db.execute(sql`select line from order_items where order_id = 'o2'`)
  expect(lines).toHaveLength(2)
})

test('messages about a customer follow their id', async () => {
  const { db } = database
  await db.execute(sql`update customers set first_name = 'Jo'`)
  await db.execute(sql`update customers set id = 'c2'`)
  const rows = await db.execute(
    sql`select distinct customer_id from outbox where metric = 'profile'`,
  )
  expect([...rows]).toEqual([{ customer_id: 'c2' }])
})
