/** Lists of messages read few rows, however many there are, and pages neither lose nor repeat any. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '../../src/db/connection.ts'
import { listMessages, type MessageFilter } from '../../src/outbox/messages.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { countRead } from '../support/rows-read.ts'

let database: TestDatabase

/** 100,000 messages of ten days, ten at each time, all sent but a few of the oldest. */
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
  ['all messages', {}],
  ['pending messages', { status: 'pending' }],
  ['failed messages', { status: 'failed' }],
  ['unsendable messages', { status: 'unsendable' }],
  ['discarded messages', { status: 'discarded' }],
  ['sent messages', { status: 'sent' }],
  ['messages of an order', { order_id: 'o77' }],
  ['old messages', { until: '2026-01-01T12:00:00Z' }],
  ['new messages', { since: '2026-01-10T23:00:00Z' }],
  ['a period without messages', { since: '2027-01-01T00:00:00Z' }],
  ['old failed messages', { status: 'failed', until: '2026-01-01T00:03:00Z' }],
]

test.each(cases)(
  'of 100,000 messages, a list of %s reads hardly more than it shows',
  async (_, filter) => {
    const read = await transaction(database.db, async (tx) => {
      const before = await countRead(tx, 'outbox')
      await listMessages(tx, filter, { limit: 50 })
      return (await countRead(tx, 'outbox')) - before
    })
    expect(read).toBeLessThan(60)
  },
)

test('pages hold every message once, newest first, though many were written at the same time', async () => {
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
