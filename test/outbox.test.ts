/** In charge of showing what is forgotten of messages, and when. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetPayloads } from '../src/outbox.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

test('what was settled long ago is emptied of what was sent and said, and stays settled', async () => {
  const { db } = database
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, payload, error, warnings, settled_at)
    select id, 'placed_order', id, now(), status, '{"email":"a@b.example"}', 'no a@b.example', '{a@b.example}', settled_at
    from (values ('old', 'sent', now() - interval '31 days'), ('old-buried', 'buried', now() - interval '31 days'),
      ('new', 'sent', now() - interval '29 days'), ('waiting', 'pending', null)) as t(id, status, settled_at)`)
  expect(await forgetPayloads(db, 30)).toBe(2)
  expect(await forgetPayloads(db, 30)).toBe(0)
  const rows = await db.execute<{ line: string }>(sql`
    select concat_ws(' ', order_id, status, payload is null, error is null, cardinality(warnings)) as line
    from outbox order by order_id`)
  expect(rows.map(({ line }) => line)).toEqual([
    'new sent f f 1',
    'old sent t t 0',
    'old-buried buried t t 0',
    'waiting pending f f 1',
  ])
})
