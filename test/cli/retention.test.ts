import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { start } from './command-line.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

/** One message of each status, with personal data in every field that can hold some; 25,000 old ones are more than one purge takes. */
async function seed(): Promise<void> {
  const { db } = database
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, settled_at, payload, error, warnings, request_id, sent_to)
    select state || age, 'placed_order', state || age, now(), state,
      case when state <> 'pending' then now() - age * interval '1 day' end,
      '{"email":"zq@klaviyo-demo.com"}', 'zq@ is bad', '[{"detail":"zq@ was left out"}]', 'r', 'k'
    from unnest(array['pending', 'sent', 'failed', 'unsendable', 'discarded']) as state, unnest(array[6, 8]) as age`)
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, settled_at, warnings)
    select 'many' || n, 'placed_order', 'many' || n, now(), 'sent', now() - interval '1 year', '[{"detail":"zq@ was left out"}]'::jsonb
    from generate_series(1, 25000) n`)
}

test('payload, error and warnings are purged together, only of messages settled longer ago than RETENTION', async () => {
  const { db } = database
  await seed()
  const server = start(['serve'], { DATABASE_URL: database.url, RETENTION: '7d' })
  await server.printed(/"msg":"storefeed serves"/)
  const old = () =>
    db.execute(sql`
      select from outbox where settled_at < now() - interval '7 days'
        and (payload is not null or error is not null or warnings <> '[]')`)
  await expect.poll(old).toHaveLength(0)
  await server.end()
  const kept = await db.execute(sql`
    select status, count(*)::int as count from outbox
    where payload::text like '%zq@%' and error like '%zq@%' and warnings::text like '%zq@%'
    group by status order by status`)
  expect([...kept]).toEqual([
    { status: 'discarded', count: 1 },
    { status: 'failed', count: 1 },
    { status: 'pending', count: 2 },
    { status: 'sent', count: 1 },
    { status: 'unsendable', count: 1 },
  ])
  const [sent] = await db.execute(sql`
    select status, unique_id, request_id, sent_to, payload, error, warnings from outbox where order_id = 'sent8'`)
  expect(sent).toEqual({
    status: 'sent',
    unique_id: 'sent8',
    request_id: 'r',
    sent_to: 'k',
    payload: null,
    error: null,
    warnings: [],
  })
})
