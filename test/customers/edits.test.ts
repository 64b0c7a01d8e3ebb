import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.db.execute(
    sql`truncate orders, customers, order_items, order_updates, visits, outbox, outbox_requeues`,
  )
  await database.db.execute(
    sql`insert into customers (id, email) values ('c1', 'c1@klaviyo-demo.com'), ('c2', 'c2@klaviyo-demo.com')`,
  )
  await database.db.execute(sql`truncate outbox`)
})

/** What Klaviyo receives of a customer. */
const sent = [
  'email',
  'phone_number',
  'first_name',
  'last_name',
  'address1',
  'address2',
  'city',
  'region',
  'zip',
  'country',
  'metadata',
]
const unsent = [
  'most_recent_store_id',
  'most_recent_store_at',
  'known_at',
  'field_times',
  'warnings',
  'created_at',
  'updated_at',
]
const values: Record<string, string> = {
  email: 'new@klaviyo-demo.com',
  metadata: '{"Tier": "gold"}',
  known_at: '2025-01-01T10:00:00Z',
  field_times: '{"city": 1735725600}',
  warnings: '[{"code": "left_out", "field": "customer.city", "detail": "city left out"}]',
  most_recent_store_at: '2025-01-01T10:00:00Z',
  created_at: '2025-01-01T10:00:00Z',
  updated_at: '2025-01-01T10:00:00Z',
}

async function edit(field: string): Promise<void> {
  await database.db.execute(sql`
    update customers set ${sql.identifier(field)} = ${sql.raw(`'${values[field] ?? 'new'}'`)} where id = 'c1'`)
}

async function messages(): Promise<unknown[]> {
  return [
    ...(await database.db.execute(
      sql`select customer_id, metric, ref, status, backfill from outbox order by id`,
    )),
  ]
}

const message = {
  customer_id: 'c1',
  metric: 'profile',
  ref: 'edit',
  status: 'pending',
  backfill: false,
}

test.each(sent)('an edit of %s alone is one message', async (field) => {
  await edit(field)
  expect(await messages()).toEqual([message])
  await edit(field)
  expect(await messages()).toHaveLength(1)
})

test.each(unsent)('an edit of %s is none', async (field) => {
  await edit(field)
  expect(await messages()).toEqual([])
})

test('each column of a customer is sent or is known not to be', async () => {
  const rows = await database.db.execute<{ name: string }>(
    sql`select column_name as name from information_schema.columns where table_name = 'customers'`,
  )
  expect(rows.map(({ name }) => name).toSorted()).toEqual(['id', ...sent, ...unsent].toSorted())
})

test('of all customers that one statement writes, those that it changes get a message', async () => {
  await database.db.execute(sql`update customers set first_name = case id when 'c1' then 'Jo' end`)
  expect(await messages()).toEqual([message])
})
