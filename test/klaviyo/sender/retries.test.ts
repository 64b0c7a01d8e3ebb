/** How long a message waits for its next attempt, and when it fails for good. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createFaultInjector } from '../../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { retryMessage } from '../../../src/outbox/change-messages.ts'
import { createRig } from '../rig.ts'
import { seedOrders } from '../seed.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig({ settings: { limits: false }, faults: { error: 1 } })
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
  rig.sandbox.state.faultInjector = createFaultInjector({ error: 1 })
})

/** One message after this many attempts. */
async function seedAttempted(attempts: number): Promise<void> {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`delete from outbox where metric <> 'placed_order'`)
  await rig.db.execute(sql`update outbox set attempts = ${attempts}`)
}

type Row = { status: string; attempts: number; error: string | null; settled: boolean }

async function readMessage(): Promise<Row | undefined> {
  const [row] = await rig.db.execute<Row>(
    sql`select status, attempts, error, settled_at is not null as settled from outbox`,
  )
  return row
}

const error = expect.stringMatching(/^503 /)

test.each([
  [0, 1],
  [1, 2],
  [5, 32],
  [11, 2_048],
  [12, 3_600],
  [40, 3_600],
  [158, 3_600],
])(
  'after %i failed attempts the next comes within %i seconds, and not before half of that',
  async (attempts, seconds) => {
    await seedAttempted(attempts)
    const [before] = await rig.db.execute<{ now: string }>(sql`select now()::text as now`)
    await rig.sendAll()
    expect(await readMessage()).toEqual({
      status: 'pending',
      attempts: attempts + 1,
      error,
      settled: false,
    })
    const [waits] = await rig.db.execute(sql`
    select next_at >= ${before?.now}::timestamptz + ${seconds} * interval '0.5 s' as long_enough,
      next_at <= clock_timestamp() + ${seconds} * interval '1 s' as short_enough
    from outbox`)
    expect(waits).toEqual({ long_enough: true, short_enough: true })
  },
)

test('after the last attempt a message is failed, with Klaviyo’s answer and what was sent', async () => {
  await seedAttempted(159)
  await rig.sendAll()
  expect(await readMessage()).toEqual({ status: 'failed', attempts: 160, error, settled: true })
  const [kept] = await rig.db.execute(
    sql`select payload #>> '{data,attributes,unique_id}' as id from outbox`,
  )
  expect(kept).toEqual({ id: 'o1' })
})

test('a message that is retried by hand has all its attempts again', async () => {
  await seedAttempted(159)
  await rig.sendAll()
  const [failed] = await rig.db.execute<{ id: number }>(sql`select id::float8 from outbox`)
  expect(await retryMessage(rig.db, failed?.id ?? 0)).toMatchObject({
    status: 'pending',
    attempts: 0,
    error: null,
    payload: null,
    settled_at: null,
  })
  await rig.sendAll()
  expect(await readMessage()).toMatchObject({ status: 'pending', attempts: 1 })
})

test('a failed message holds back no other of its order', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`update outbox set attempts = 159 where metric = 'placed_order'`)
  await rig.sendAll()
  rig.sandbox.state.faultInjector = createFaultInjector({})
  await rig.db.execute(sql`update outbox set next_at = now()`)
  await rig.sendAll()
  const rows = await rig.db.execute(sql`select unique_id, status from outbox order by id`)
  expect([...rows]).toEqual([
    { unique_id: 'o1', status: 'failed' },
    { unique_id: 'o1_SKU-1', status: 'sent' },
    { unique_id: 'o1_SKU-2', status: 'sent' },
  ])
})
