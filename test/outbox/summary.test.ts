import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import type { z } from 'zod'
import { deliverySummary } from '../../src/outbox/event-schemas.ts'
import { startTestServer } from '../support/server.ts'

const server = await startTestServer()
afterAll(() => server.stop())
const { db } = server.database

beforeEach(async () => {
  await db.execute(sql`truncate outbox`)
  await db.execute(
    sql`update outbox_queues set paused_until = null, pause_reason = null, alarm = null`,
  )
})

async function summary(): Promise<z.infer<typeof deliverySummary>['queues']> {
  const { body } = await server.ask('GET', '/v1/events/summary')
  return deliverySummary.parse(body).queues
}

test('an empty outbox has two queues with nothing in them', async () => {
  const nothing = {
    ...{ pending: 0, failed: 0, unsendable: 0, discarded: 0 },
    ...{ oldest_pending_at: null, next_at: null, last_sent_at: null },
    ...{ sent_last_hour: 0, sent_last_day: 0, failed_last_day: 0 },
    ...{ paused_until: null, pause_reason: null },
  }
  expect(await summary()).toEqual([
    { queue: 'events', ...nothing },
    { queue: 'profiles', ...nothing },
  ])
})

test('messages are counted by queue and status, and told when the oldest was written and the next is due', async () => {
  await db.execute(sql`
    insert into outbox (order_id, customer_id, metric, unique_id, occurred_at, status, created_at, next_at, settled_at)
    select case when q = 'events' then 'o' || n end, case when q = 'profiles' then 'c' || n end,
      case when q = 'events' then 'placed_order' else 'profile' end, n, now(), s,
      '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 h', '2099-01-01T00:00:00Z'::timestamptz + n * interval '1 h',
      now() - a
    from (values (1, 'events', 'pending', null), (2, 'events', 'pending', null), (3, 'events', 'failed', interval '1 m'),
      (4, 'events', 'sent', interval '5 m'), (5, 'events', 'sent', interval '2 h'), (6, 'events', 'sent', interval '2 d'),
      (7, 'profiles', 'unsendable', interval '1 m'), (8, 'profiles', 'discarded', interval '1 m'),
      (9, 'profiles', 'sent', interval '1 m')) as m(n, q, s, a)`)
  const [events, profiles] = await summary()
  expect(events).toMatchObject({
    ...{ pending: 2, failed: 1, unsendable: 0, discarded: 0 },
    ...{ sent_last_hour: 1, sent_last_day: 2, failed_last_day: 1 },
  })
  expect(Date.parse(events?.oldest_pending_at ?? '')).toBe(Date.UTC(2026, 0, 1, 1))
  expect(Date.parse(events?.next_at ?? '')).toBe(Date.UTC(2099, 0, 1, 1))
  expect(profiles).toMatchObject({
    ...{ pending: 0, failed: 0, unsendable: 1, discarded: 1 },
    ...{ sent_last_hour: 1, sent_last_day: 1, failed_last_day: 0 },
  })
})

test('a pause is told with its reason, and none that is over', async () => {
  await db.execute(sql`
    update outbox_queues set paused_until = now() + interval '5 min', pause_reason = '429' where queue = 'events'`)
  await db.execute(sql`
    update outbox_queues set paused_until = now() - interval '1 min', pause_reason = '429' where queue = 'profiles'`)
  const [events, profiles] = await summary()
  expect(events).toMatchObject({ pause_reason: '429', paused_until: expect.any(String) })
  expect(profiles).toMatchObject({ pause_reason: null, paused_until: null })
})
