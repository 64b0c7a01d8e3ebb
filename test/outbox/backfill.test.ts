/** History is sent with its true times, without triggering flows, after live events, and once. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createSandbox } from '../../src/klaviyo-sandbox/sandbox.ts'
import { countBackfill, enqueueBackfill } from '../../src/outbox/backfill.ts'
import { createRig } from '../klaviyo/rig.ts'
import { seedOrders } from '../klaviyo/seed.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig()
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
  Object.assign(rig.sandbox.state, createSandbox({ settings: { limits: false } }).state)
})

const ever = { from: null, to: null }
const recorded = () => rig.sandbox.state.account.eventLog.entries

async function enqueue(period: { from: string | null; to: string | null } = ever): Promise<number> {
  let messages = 0
  for await (const done of enqueueBackfill(rig.db, period, rig.sandbox.url))
    messages = done.messages
  return messages
}

/** The distinct states of messages of orders. */
async function distinctMessages(): Promise<unknown[]> {
  const rows =
    await rig.db.execute(sql`select distinct status, backfill, attempts, settled_at, payload::text as payload
    from outbox where order_id is not null`)
  return [...rows]
}

/** As after a load with triggers off. */
async function forgetMessages(): Promise<void> {
  await rig.db.execute(sql`update orders set placed_at = '2020-02-02T02:02:02Z'`)
  await rig.db.execute(sql`truncate outbox`)
}

test('orders without messages get them, with true times, and no flow is triggered', async () => {
  await seedOrders(rig.db, 20, { fulfilled: true })
  await forgetMessages()
  expect(await enqueue()).toBe(80)
  await rig.sendAll()
  expect(recorded()).toHaveLength(80)
  expect(recorded().every(({ backfill }) => backfill)).toBe(true)
  expect(recorded()[0]).toMatchObject({ metric: 'Placed Order', time: '2020-02-02T02:02:02.000Z' })
})

test('a second run adds nothing and sends nothing', async () => {
  await seedOrders(rig.db, 5)
  await rig.sendAll()
  expect(await enqueue()).toBe(0)
  await rig.sendAll()
  expect(recorded()).toHaveLength(15)
})

test('what went to a sandbox is sent again to Klaviyo', async () => {
  await seedOrders(rig.db, 5)
  await rig.sendAll()
  await rig.db.execute(sql`update outbox set sent_to = 'http://another.sandbox'`)
  expect(await enqueue()).toBe(15)
  expect(await distinctMessages()).toEqual([
    { status: 'pending', backfill: true, attempts: 0, settled_at: null, payload: null },
  ])
})

test('messages of a backfill are history, however new they are', async () => {
  await seedOrders(rig.db, 2)
  await rig.db.execute(sql`truncate outbox`)
  expect(await enqueue()).toBe(6)
  expect(await distinctMessages()).toMatchObject([{ backfill: true }])
})

test('a backfill leaves messages alone that are pending, failed or discarded', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`update outbox set status = (array['pending', 'failed', 'discarded'])[id - (select min(id) from outbox) + 1]
    where order_id is not null`)
  expect(await enqueue()).toBe(0)
})

test('only orders of the period get messages', async () => {
  await seedOrders(rig.db, 3)
  await forgetMessages()
  await rig.db.execute(sql`update orders set placed_at = '2021-01-01T00:00:00Z' where id = 'o2'`)
  expect(await enqueue({ from: '2021-01-01T00:00:00Z', to: '2021-01-02T00:00:00Z' })).toBe(3)
})

describe('a period includes its start and excludes its end', () => {
  const period = { from: '2021-01-01T00:00:00Z', to: '2021-02-01T00:00:00Z' }
  const times: [time: string, messages: number][] = [
    ['2020-12-31T23:59:59.999Z', 0],
    ['2021-01-01T00:00:00Z', 4],
    ['2021-01-31T23:59:59.999Z', 4],
    ['2021-02-01T00:00:00Z', 0],
  ]
  beforeEach(async () => {
    await seedOrders(rig.db, 1, { fulfilled: true })
    await forgetMessages()
  })

  test.each(times)('an order of %s gets %i messages', async (time, messages) => {
    await rig.db.execute(sql`update orders set placed_at = ${time}`)
    expect(await countBackfill(rig.db, period)).toBe(messages / 4)
    expect(await enqueue(period)).toBe(messages)
  })

  test.each(times)('an update of %s gets its order %i messages', async (time, messages) => {
    await rig.db.execute(sql`update order_updates set occurred_at = ${time}`)
    expect(await countBackfill(rig.db, period)).toBe(messages / 4)
    expect(await enqueue(period)).toBe(messages)
  })
})

test('an event that is old when it is written is history by itself; a new one is not', async () => {
  await rig.db.execute(sql`insert into customers (id, email) values ('c', 'c@klaviyo-demo.com')`)
  await rig.db.execute(sql`insert into orders (id, customer_id, currency, total, placed_at) values
    ('old', 'c', 'USD', 1, now() - interval '2 days'), ('new', 'c', 'USD', 1, now())`)
  await rig.sendAll()
  const sent = recorded().map(({ uniqueId, backfill }) => [uniqueId, backfill])
  expect(sent).toEqual([
    ['new', false],
    ['old', true],
  ])
})

test('live events go before history', async () => {
  await seedOrders(rig.db, 700, { prefix: 'past' })
  await rig.db.execute(sql`update outbox set backfill = true`)
  await seedOrders(rig.db, 1, { prefix: 'live' })
  await rig.sendAll()
  expect(
    recorded()
      .slice(0, 3)
      .map(({ order }) => order),
  ).toEqual(['live1', 'live1', 'live1'])
})
