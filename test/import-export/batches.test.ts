/** A file imported in batches leaves what it leaves row by row. */
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importKinds } from '../../src/import-export/import-kinds.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let batched: TestDatabase
let single: TestDatabase
beforeAll(async () => {
  batched = await createTestDatabase()
  single = await createTestDatabase()
  for (const { db } of [batched, single])
    await db.execute(
      sql`insert into products (id, title, price, sku) values ('p1', 'Oven', 330, 'S1'), ('p2', 'Pot', 5.99, null)`,
    )
})
afterAll(async () => {
  await batched.close()
  await single.close()
})

type Imported = { kind: string; rows: object[] }

async function importInto(
  { db }: TestDatabase,
  { kind, rows }: Imported,
  batchSize: number,
): Promise<unknown> {
  const found = importKinds.find(({ name }) => name === kind)
  const totals = { created: 0, updated: 0, unchanged: 0 }
  const rejected: { index: number; reason: string }[] = []
  for (let start = 0; start < rows.length; start += batchSize) {
    const batch = found?.startBatch(false)
    for (const row of rows.slice(start, start + batchSize)) expect(batch?.add(row)).toBeNull()
    const written = await batch?.write(db, { currency: 'USD', dryRun: false })
    totals.created += written?.created ?? 0
    totals.updated += written?.updated ?? 0
    totals.unchanged += written?.unchanged ?? 0
    for (const { index, reason } of written?.rejected ?? [])
      rejected.push({
        index: start + index,
        reason: reason.replace(/ than 20[^;]*/, ' than it was'),
      })
  }
  return { ...totals, rejected }
}

/** Generated ids are not the same: a customer without an id of the merchant's is named by what else is known. */
const nameOf = (customer: string) =>
  sql.raw(
    `(select case when c.id like 'storefeed-%' then concat('own ', email_key(c.email), ' ', c.phone_number) else c.id end from customers c where c.id = ${customer})`,
  )

const given = ['email', 'phone_number', 'first_name', 'city', 'metadata', 'warnings']

/** What is said now has one time in a batch, another for each row. */
const time = (column: string) => `case when ${column} < '2024-06-01' then ${column} end`

async function tablesOf({ db }: TestDatabase): Promise<unknown> {
  const list = async (query: ReturnType<typeof sql>) =>
    (await db.execute<{ row: unknown }>(sql`select to_jsonb(r) as row from (${query}) r`))
      .map(({ row }) => JSON.stringify(row))
      .sort()
  return {
    customers: await list(
      sql`select ${nameOf('o.id')} as name, ${sql.raw(given.join(', '))}, ${sql.raw(time('known_at'))} as known_at, ${sql.raw(time('most_recent_store_at'))} as store_at,
        case when most_recent_store_at < '2024-06-01' then most_recent_store_id end as store,
        (select jsonb_object_agg(key, fact) from jsonb_each(customers_facts(o)) as f(key, fact)
          where (fact->>1)::numeric < extract(epoch from timestamptz '2024-06-01')) as facts
        from customers o`,
    ),
    orders: await list(
      sql`select o.id, ${nameOf('o.customer_id')} as customer, store_id, ${sql.raw(time('placed_at'))} as placed_at,
        total, metadata, digest, warnings from orders o`,
    ),
    items: await list(sql`select * from order_items`),
    updates: await list(
      sql`select order_id, kind, id, value, excess, items, digest from order_updates`,
    ),
    amendments: await list(sql`select order_id, number, before, after from order_amendments`),
    visits: await list(
      sql`select ${nameOf('v.customer_id')} as customer, store_id, ${sql.raw(time('at'))} as at from visits v`,
    ),
    messages: await list(
      sql`select order_id, ${nameOf('m.customer_id')} as customer, metric, ref,
        case when order_id is not null then unique_id end as unique_id, backfill, warnings, status from outbox m
        where ref <> 'edit'`,
    ),
    // Edits of a customer in one transaction may be told once: the message says what is known when it is sent.
    edits: await list(
      sql`select distinct ${nameOf('m.customer_id')} as customer, status from outbox m where ref = 'edit'`,
    ),
    sequence: await list(
      sql`select order_id, array_agg(metric || ' ' || ref order by id) as metrics from outbox where order_id is not null group by order_id`,
    ),
  }
}

const day = fc.constantFrom('01', '02', '03', '04', '05').map((d) => `2024-03-${d}T10:00:00Z`)
const absent = fc.constant(undefined)
const email = fc.constantFrom(
  'ada@klaviyo-demo.com',
  'ADA@klaviyo-demo.com',
  'bob@klaviyo-demo.com',
  'müller@klaviyo-demo.com',
  'MÜLLER@klaviyo-demo.com',
  'not an e-mail',
  'n/a',
  '',
)
const phone = fc.constantFrom('+16175550101', '+16175550102', '12', 'n/a')
const customer = fc
  .record({
    id: fc.option(fc.constantFrom('c1', 'c2', 'c3'), { nil: undefined }),
    email: fc.option(email),
    phone_number: fc.oneof(absent, phone),
    first_name: fc.oneof(absent, fc.constantFrom('Ada', 'Bob', '-')),
    city: fc.oneof(absent, fc.constant('Boston')),
    metadata: fc.oneof(absent, fc.constantFrom({ tier: 'gold' }, { tier: 'none', age: 3 })),
  })
  .filter(
    ({ id, email: mail, phone_number }) =>
      id !== undefined ||
      [mail, phone_number].some((one) => one != null && !['', 'n/a'].includes(one)),
  )

const item = fc.record({
  product_id: fc.constantFrom('p1', 'p2', 'gone'),
  quantity: fc.constantFrom(1, 2, -1),
  item_price: fc.oneof(absent, fc.constantFrom(1.25, 330)),
})
const order = fc.record({
  id: fc.constantFrom('o1', 'o2', 'o3', 'o4', 'o5', 'o6'),
  placed_at: day,
  store_id: fc.constantFrom('s1', 's2', undefined),
  total: fc.constantFrom(10, 20, -5),
  customer: fc.oneof({ weight: 6, arbitrary: customer }, { weight: 1, arbitrary: absent }),
  items: fc.array(item, { maxLength: 3 }),
})
const update = fc.record({
  order_id: fc.constantFrom('o1', 'o2', 'o3', 'o9'),
  kind: fc.constantFrom('refunded', 'cancelled', 'fulfilled'),
  id: fc.constantFrom('u1', 'u2', 'u3'),
  occurred_at: day,
  value: fc.oneof(absent, fc.constantFrom(2, 50)),
  items: fc.oneof(absent, fc.constantFrom([{ line: 1 }], [{ line: 1, quantity: 1 }, { line: 2 }])),
})
const visit = fc.record({ customer, store_id: fc.constantFrom('s1', 's2'), at: day })

/** A file holds each key once. */
const file = <T extends object>(kind: string, row: fc.Arbitrary<T>, keyOf?: (one: T) => string) =>
  (keyOf
    ? fc.uniqueArray(row, { selector: keyOf, maxLength: 12 })
    : fc.array(row, { maxLength: 12 })
  ).map((rows): Imported => ({ kind, rows }))

const files = fc.array(
  fc.oneof(
    file('orders', order, ({ id }) => id),
    file('order-updates', update, ({ order_id, kind, id }) => `${order_id} ${kind} ${id}`),
    file('visits', visit),
    file(
      'customers',
      customer.filter(({ id }) => id !== undefined),
      ({ id }) => id ?? '',
    ),
  ),
  { minLength: 1, maxLength: 5 },
)

const emptied = sql`truncate customers, orders, order_items, order_updates, order_amendments, visits, outbox, outbox_requeues, outbox_amended_orders cascade`

test('files in batches and row by row leave the same tables and the same messages', {
  timeout: 240_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(files, async (imported) => {
      for (const { db } of [batched, single]) await db.execute(emptied)
      for (const one of imported) {
        const counts = await importInto(batched, one, 1_000)
        expect(counts).toEqual(await importInto(single, one, 1))
      }
      expect(await tablesOf(batched)).toEqual(await tablesOf(single))
    }),
    { numRuns: Number(process.env.BATCH_RUNS ?? 60) },
  )
})
