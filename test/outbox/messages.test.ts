/** In charge of showing that lists of messages read little, however many there are, and that pages lose and repeat none. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Queryable, transaction } from '../../src/db/connection.ts'
import { listMessages, type MessageFilter } from '../../src/outbox/messages.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase

/** 100,000 sent in ten days, ten in each moment; a few of the oldest are in every other state. */
beforeAll(async () => {
  database = await createTestDatabase()
  await database.db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, created_at)
    select 'o' || n, 'placed_order', 'o' || n, now(),
      case when n <= 40 then (array['pending', 'failed', 'unsendable', 'discarded'])[1 + n % 4] else 'sent' end,
      '2026-01-01T00:00:00Z'::timestamptz + (n / 10) * interval '86.4 s'
    from generate_series(1, 100000) n`)
  await database.db.execute(sql`analyze outbox`)
})
afterAll(() => database.close())

const cases: [string, MessageFilter][] = [
  ['nothing', {}],
  ['pending ones', { status: 'pending' }],
  ['failed ones', { status: 'failed' }],
  ['unsendable ones', { status: 'unsendable' }],
  ['discarded ones', { status: 'discarded' }],
  ['sent ones', { status: 'sent' }],
  ['an order', { order_id: 'o77' }],
  ['what is old', { until: '2026-01-01T12:00:00Z' }],
  ['what is new', { since: '2026-01-10T23:00:00Z' }],
  ['a time without any', { since: '2027-01-01T00:00:00Z' }],
  ['old failed ones', { status: 'failed', until: '2026-01-01T00:03:00Z' }],
]

test.each(cases)(
  'of 100,000 messages, a list of %s reads hardly more than it shows',
  async (_, filter) => {
    const read = await transaction(database.db, async (tx) => {
      const before = await countRead(tx)
      await listMessages(tx, filter, { limit: 50 })
      return (await countRead(tx)) - before
    })
    expect(read).toBeLessThan(60)
  },
)

/** Rows of the outbox, a few for planning among them, that this connection has read and not yet reported. */
async function countRead(tx: Queryable): Promise<number> {
  const [row] = await tx.execute<{ read: number }>(sql`
    select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_xact_user_tables where relname = 'outbox'`)
  return row?.read ?? 0
}

test('pages hold every message once, newest first, though many are of one moment', async () => {
  const seen: number[] = []
  let cursor: string | undefined
  const filter = { since: '2026-01-10T23:00:00Z' }
  do {
    const page = await listMessages(database.db, filter, { limit: 7, cursor })
    seen.push(...page.messages.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  const all = await database.db.execute<{ id: number }>(sql`
    select id::float8 from outbox where created_at >= '2026-01-10T23:00:00Z' order by id desc`)
  expect(seen).toEqual([...all].map(({ id }) => id))
})
