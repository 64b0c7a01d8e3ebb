/** What is written reaches Klaviyo once and in order, whatever Klaviyo does meanwhile. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { connect, type Queryable } from '../../../src/db/connection.ts'
import { loadOrders } from '../../../src/klaviyo/mapping/load-records.ts'
import { createFaultInjector } from '../../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { createSandbox } from '../../../src/klaviyo-sandbox/sandbox.ts'
import { claimGroups } from '../../../src/outbox/claim.ts'
import { countRead } from '../../support/rows-read.ts'
import { createRig } from '../rig.ts'
import { seedOrders, statuses } from '../seed.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig()
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
  await rig.db.execute(
    sql`update outbox_queues set paused_until = null, alarm = null, requests = '{}'`,
  )
  const fresh = createSandbox({ settings: { limits: false } }).state
  Object.assign(rig.sandbox.state, fresh)
})

const recorded = () => rig.sandbox.state.account.eventLog.entries

test('few events are sent singly, in the order of the history', async () => {
  await seedOrders(rig.db, 3, { fulfilled: true })
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 12 })
  expect(
    recorded()
      .filter(({ order }) => order === 'o1')
      .map(({ metric, transport }) => [metric, transport]),
  ).toEqual([
    ['Placed Order', 'events'],
    ['Ordered Product', 'events'],
    ['Ordered Product', 'events'],
    ['Fulfilled Order', 'events'],
  ])
})

test('many events are sent in bulk', async () => {
  await seedOrders(rig.db, 700)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 2100 })
  expect(new Set(recorded().map(({ transport }) => transport))).toEqual(new Set(['bulk']))
  expect(recorded()).toHaveLength(2100)
})

test('what rolls back is never sent', async () => {
  await rig.db
    .transaction(async (tx) => {
      await tx.execute(sql`insert into orders (id, currency, total) values ('gone', 'USD', 1)`)
      throw new Error('no')
    })
    .catch(() => undefined)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({})
})

test('an event in bulk that Klaviyo rejects fails with Klaviyo’s reason, and the others are sent', async () => {
  rig.sandbox.state.faultInjector = createFaultInjector({ bad: { ids: ['o7', 'o9_SKU-1'] } })
  await seedOrders(rig.db, 50)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 148, failed: 2 })
  const failed = await rig.db.execute(
    sql`select unique_id, error, request_id is not null as named from outbox where status = 'failed' order by id`,
  )
  expect([...failed]).toEqual([
    { unique_id: 'o7', error: '400 The sandbox is set to reject this unique_id.', named: true },
    {
      unique_id: 'o9_SKU-1',
      error: '400 The sandbox is set to reject this unique_id.',
      named: true,
    },
  ])
})

test('an outage holds back only the orders it hit, and their messages keep their order', async () => {
  rig.sandbox.state.faultInjector = createFaultInjector({ error: 1 })
  await seedOrders(rig.db, 2)
  await rig.sendAll()
  const [held] = await rig.db.execute(
    sql`select count(*)::int as tried, min(error) as error from outbox where attempts = 1`,
  )
  expect(held?.tried).toBe(2)
  expect(held?.error).toMatch(/^503 /)
  rig.sandbox.state.faultInjector = createFaultInjector({})
  await rig.db.execute(sql`update outbox set next_at = now() + interval '10 minutes'`)
  await seedOrders(rig.db, 1, { prefix: 'later' })
  await rig.sendAll()
  expect(recorded().map(({ order }) => order)).toEqual(['later1', 'later1', 'later1'])
  await rig.db.execute(sql`update outbox set next_at = now()`)
  await rig.sendAll()
  expect(
    recorded()
      .filter(({ order }) => order === 'o2')
      .map(({ uniqueId }) => uniqueId),
  ).toEqual(['o2', 'o2_SKU-1', 'o2_SKU-2'])
})

test('after a 429 nobody sends before Retry-After is over, and no message counts an attempt', async () => {
  rig.sandbox.state.faultInjector = createFaultInjector({ throttle: 1, wait: 1 })
  await seedOrders(rig.db, 2)
  const began = Date.now()
  const sending = rig.sendAll()
  await expect.poll(pausedQueues).toBe(1)
  rig.sandbox.state.faultInjector = createFaultInjector({})
  await sending
  expect(Date.now() - began).toBeGreaterThanOrEqual(1_000)
  const [attempts] = await rig.db.execute(sql`select max(attempts) as most from outbox`)
  expect(attempts?.most).toBe(1)
  expect(await statuses(rig.db)).toEqual({ sent: 6 })
})

test('an unknown key stops the sender, raises an alarm and loses nothing', async () => {
  rig.sandbox.state.settings.key = 'pk_right'
  await seedOrders(rig.db, 2)
  await rig.sendAll({ apiKey: 'pk_wrong' })
  expect(await statuses(rig.db)).toEqual({ pending: 6 })
  const [queue] = await rig.db.execute(sql`select alarm from outbox_queues where queue = 'events'`)
  expect(queue?.alarm).toMatch(/^401 /)
})

test('a request without an answer times out and is retried', async () => {
  rig.sandbox.state.faultInjector = createFaultInjector({ hang: 1 })
  await seedOrders(rig.db, 1)
  await rig.sendAll({ timeoutMs: 100 })
  const [first] = await rig.db.execute(sql`select error, attempts from outbox order by id limit 1`)
  expect(first).toEqual({ error: 'the request timed out', attempts: 1 })
})

test.each([
  ['profiles', 'profileImport', 'order_id'],
  ['events', 'events', 'customer_id'],
] as const)('while %s are rate limited, the others are sent', async (_, held, free) => {
  rig.sandbox.state.account.windows[held].closedUntil = Date.now() + 2_000
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`update customers set first_name = 'Joe'`)
  const sending = rig.sendAll()
  const waiting = () =>
    rig.db.execute(sql`select order_id is null as profile from outbox where status = 'pending'
      and ${sql.identifier(free)} is not null`)
  await expect.poll(waiting).toEqual([])
  expect(await statuses(rig.db)).toMatchObject({ pending: held === 'events' ? 3 : 1 })
  await sending
  expect(await statuses(rig.db)).toEqual({ sent: 4 })
})

test('two senders at once send everything once', async () => {
  await seedOrders(rig.db, 400)
  await Promise.all([rig.sendAll(), rig.sendAll()])
  expect(recorded()).toHaveLength(1200)
  expect(rig.sandbox.state.account.eventLog.drops).toHaveLength(0)
})

test('an order without a usable identifier is unsendable, and says so', async () => {
  await rig.db.execute(
    sql`insert into customers (id, email, phone_number) values ('c', 'no mail', '12')`,
  )
  await rig.db.execute(
    sql`insert into orders (id, customer_id, currency, total) values ('o', 'c', 'USD', 1)`,
  )
  await rig.sendAll()
  const rows = await rig.db.execute(
    sql`select status, attempts, error from outbox where order_id = 'o'`,
  )
  expect([...rows]).toEqual([
    {
      status: 'unsendable',
      attempts: 0,
      error: 'the customer has no email or phone number that Klaviyo accepts',
    },
  ])
})

test('of 50,000 pending a claim reads what it takes, though its plan is of the empty table', async () => {
  await rig.db.execute(sql`analyze outbox, orders, order_items, customers, products, stores`)
  const planning = connect(rig.url, { max: 1 })
  const limits = { limit: 1_000, loadLimit: 1_000 }
  const claim = (tx: Queryable) => claimGroups(tx, 'events', 'any', limits)
  for (let n = 0; n < 10; n++) {
    await planning.db.transaction(claim)
    await loadOrders(planning.db, ['none'], { withUpdates: true })
  }
  await seedOrders(rig.db, 16_667)
  const tables = ['outbox', 'orders', 'order_items', 'customers']
  const countAll = (tx: Queryable) => Promise.all(tables.map((table) => countRead(tx, table)))
  const { claimed, read } = await planning.db.transaction(async (tx) => {
    const before = await countAll(tx)
    const claimed = await claim(tx)
    const after = await countAll(tx)
    return { claimed, read: after.map((count, n) => count - (before[n] ?? 0)) }
  })
  await planning.close()
  expect(claimed?.groups.flatMap(({ messages }) => messages)).toHaveLength(1_000)
  expect(claimed?.records).toHaveLength(1_000)
  for (const count of read) expect(count).toBeLessThan(10_000)
})

async function pausedQueues(): Promise<number> {
  const rows = await rig.db.execute(sql`select from outbox_queues where paused_until > now()`)
  return rows.length
}
