/** Retrying and discarding many messages at once: what matches, what is counted, what runs at the same time. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { transaction } from '../../src/db/connection.ts'
import { claimGroups } from '../../src/outbox/claim.ts'
import { faultyFields, startTestServer } from '../support/server.ts'

/** Without a key nothing is sent. */
const server = await startTestServer()
afterAll(() => server.stop())
const { db } = server.database

/** Orders o1 to o9 with one message each: failed, unsendable and pending in turn; o10 was sent. */
beforeEach(async () => {
  await db.execute(sql`truncate outbox`)
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, error, created_at, settled_at, attempts)
    select 'o' || n, case when n % 2 = 0 then 'placed_order' else 'ordered_product' end, 'o' || n, now(),
      case when n = 10 then 'sent' else (array['failed', 'unsendable', 'pending'])[1 + n % 3] end,
      case n % 3 when 0 then '400 Invalid email "a' || n || '@b.example"' end,
      '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 day', now(), n
    from generate_series(1, 10) n`)
})

const post = (what: 'retry' | 'discard', body?: object) =>
  server.ask('POST', `/v1/events/${what}`, body)

async function statuses(): Promise<string[]> {
  const rows = await db.execute<{ status: string }>(
    sql`select status from outbox order by created_at`,
  )
  return rows.map(({ status }) => status)
}
const before = [
  ...['unsendable', 'pending', 'failed', 'unsendable', 'pending', 'failed'],
  ...['unsendable', 'pending', 'failed', 'sent'],
]

async function idsOf(orders: string[]): Promise<number[]> {
  const rows = await db.execute<{ id: number }>(
    sql`select id::float8 from outbox where order_id in ${orders} order by id`,
  )
  return rows.map(({ id }) => id)
}

test('without a body, or with an empty one, all that failed are retried', async () => {
  const all = { matched: 3, retried: 3, skipped: 0, more: false }
  expect((await post('retry')).body).toEqual(all)
  expect(await statuses()).toEqual(before.map((one) => (one === 'failed' ? 'pending' : one)))
  expect((await post('retry', {})).body).toEqual({ ...all, matched: 0, retried: 0 })
})

test('a body counts whether or not its length is told', async () => {
  const chunked = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('{"status":"failed","dry_run":true}'))
      controller.close()
    },
  })
  const headers = { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/json' }
  const url = `${server.url}/v1/events/retry`
  const response = await fetch(url, { method: 'POST', headers, body: chunked, duplex: 'half' })
  expect(await response.json()).toMatchObject({ matched: 3, retried: 0 })
  const typed = await fetch(url, { method: 'POST', headers })
  expect(await typed.json()).toMatchObject({ retried: 3 })
})

test.each([
  ['status', { status: 'unsendable' }, 3],
  ['metric', { status: 'failed', metric: 'placed_order' }, 1],
  ['metric alone: failed ones', { metric: 'ordered_product' }, 2],
  ['order', { status: 'failed', order_id: 'o3' }, 1],
  ['order alone: failed ones', { order_id: 'o1' }, 0],
  ['period', { since: '2026-01-04T00:00:00Z', until: '2026-01-10T00:00:00Z' }, 2],
])('messages are chosen by %s, and a dry run changes nothing', async (_, filter, matched) => {
  const dry = await post('retry', { ...filter, dry_run: true })
  expect(dry.body).toEqual({ matched, retried: 0, skipped: 0, more: false })
  expect(await statuses()).toEqual(before)
  const done = await post('retry', { ...filter, expected: matched })
  expect(done.body).toEqual({ matched, retried: matched, skipped: 0, more: false })
})

test('by ids, those that were sent or do not exist are left out', async () => {
  const ids = await idsOf(['o1', 'o2', 'o3', 'o10'])
  expect((await post('discard', { ids: [...ids, 999_999] })).body).toEqual({
    matched: 3,
    discarded: 3,
    skipped: 0,
    more: false,
  })
  expect(await statuses()).toEqual(['discarded', 'discarded', 'discarded', ...before.slice(3)])
})

test('what is retried is as new, and what was discarded can be retried', async () => {
  await post('discard', { status: 'failed' })
  expect((await post('retry', { status: 'discarded' })).body).toMatchObject({ retried: 3 })
  const [row] = await db.execute(
    sql`select status, attempts, error, settled_at from outbox where order_id = 'o3'`,
  )
  expect(row).toEqual({ status: 'pending', attempts: 0, error: null, settled_at: null })
})

test('when others match than were counted, nothing is changed', async () => {
  const answer = await post('discard', { status: 'failed', expected: 2 })
  expect(answer.status).toBe(409)
  expect(answer.body).toMatchObject({ detail: expect.stringContaining('3 messages match by now') })
  expect(await statuses()).toEqual(before)
})

test('discarding needs to be told which, so that nothing is discarded by mistake', async () => {
  const answer = await post('discard', { metric: 'placed_order' })
  expect([answer.status, faultyFields(answer)]).toEqual([422, ['status']])
  expect((await post('discard', {})).status).toBe(422)
  expect((await post('discard')).status).toBe(415)
  expect((await post('discard', { status: 'sent' })).status).toBe(422)
  const both = await post('retry', { ids: [1], status: 'failed' })
  expect([both.status, faultyFields(both)]).toEqual([422, ['ids']])
  expect(await statuses()).toEqual(before)
})

test('a message that is being sent is skipped without waiting for Klaviyo', async () => {
  await db.execute(sql`update outbox set next_at = now() where status = 'pending'`)
  await transaction(db, async (sender) => {
    const { groups = [] } = (await claimGroups(sender, 'events', 'any', { limit: 1 })) ?? {}
    expect(groups).toHaveLength(1)
    expect((await post('discard', { status: 'pending' })).body).toEqual({
      matched: 3,
      discarded: 2,
      skipped: 1,
      more: false,
    })
    const [claimed] = groups.flatMap(({ messages }) => messages)
    await sender.execute(sql`update outbox set status = 'sent' where id = ${claimed?.id}`)
  })
  expect((await statuses()).filter((status) => status === 'sent')).toHaveLength(2)
  expect((await post('discard', { status: 'pending' })).body).toMatchObject({ matched: 0 })
})

test('two that discard the same at once discard each message once', async () => {
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status)
    select 'x' || n, 'placed_order', 'x' || n, now(), 'failed' from generate_series(1, 500) n`)
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => post('discard', { status: 'failed', metric: 'placed_order' })),
  )
  const discarded = answers.map(({ body }) => Number((body as { discarded: number }).discarded))
  expect(discarded.reduce((sum, one) => sum + one, 0)).toBe(501)
})

test('more than 10,000 take several requests, the oldest first', async () => {
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status, created_at)
    select 'x' || n, 'placed_order', 'x' || n, now(), 'failed', '2026-02-01T00:00:00Z'::timestamptz + n * interval '1 s'
    from generate_series(1, 10005) n`)
  const first = await post('retry', { status: 'failed' })
  expect(first.body).toEqual({ matched: 10_000, retried: 10_000, skipped: 0, more: true })
  const second = await post('retry', { status: 'failed' })
  expect(second.body).toEqual({ matched: 8, retried: 8, skipped: 0, more: false })
})

test('of 100,000 messages, failed ones are found without reading the others', async () => {
  await db.execute(sql`
    insert into outbox (order_id, metric, unique_id, occurred_at, status)
    select 'x' || n, 'placed_order', 'x' || n, now(), 'sent' from generate_series(1, 100000) n`)
  await db.execute(sql`analyze outbox`)
  const plan = await db.execute<{ 'QUERY PLAN': string }>(sql`
    explain select id from outbox where status <> 'sent' and status = 'failed' order by created_at, id limit 10001`)
  expect(plan.map((line) => line['QUERY PLAN']).join()).toContain('outbox_set_aside')
})
