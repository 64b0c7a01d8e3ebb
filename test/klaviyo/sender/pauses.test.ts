/** Processes share Klaviyo's limits and pauses. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { sendBatch } from '../../../src/klaviyo/sender/sender.ts'
import { eventsTransport } from '../../../src/klaviyo/sender/transport.ts'
import { createFaultInjector } from '../../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { createSandbox } from '../../../src/klaviyo-sandbox/sandbox.ts'
import { prepareToSend } from '../../../src/outbox/queue.ts'
import { names } from '../guide-payloads.ts'
import { createRig } from '../rig.ts'
import { seedOrders, silent, statuses, unlimited } from '../seed.ts'

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
  Object.assign(rig.sandbox.state, createSandbox({ settings: { limits: false } }).state)
})

function batchOfNewProcess(queue: 'events' | 'profiles', share = unlimited) {
  const client = createClient({ url: rig.sandbox.url, apiKey: 'pk_right', share, log: silent })
  return sendBatch(rig.db, queue, { client, transport: eventsTransport, names })
}

test('requests of one process count for the next one', async () => {
  const oneRequest = 0.001
  await rig.db.execute(sql`insert into customers (id, email)
    values ('c1', 'c1@klaviyo-demo.com'), ('c2', 'c2@klaviyo-demo.com')`)
  expect((await batchOfNewProcess('profiles', oneRequest)).outcomes).toHaveLength(1)
  const next = await batchOfNewProcess('profiles', oneRequest)
  expect(next.outcomes).toEqual([])
  expect(next.pause?.ms).toBeGreaterThan(500)
  expect(await statuses(rig.db)).toEqual({ sent: 1, pending: 1 })
})

test('after a 429 no process sends another bulk request', async () => {
  await seedOrders(rig.db, 700)
  rig.sandbox.state.faultInjector = createFaultInjector({ throttle: 1, wait: 60 })
  expect(await batchOfNewProcess('events')).toMatchObject({
    outcomes: [],
    pause: { ms: 60_000 },
  })
  const next = await batchOfNewProcess('events')
  expect(next.outcomes).toEqual([])
  expect(next.pause?.ms).toBeGreaterThan(1_000)
  expect(rig.sandbox.state.account.counts.received).toBe(1)
  const [attempts] = await rig.db.execute(sql`select max(attempts) as most from outbox`)
  expect(attempts?.most).toBe(0)
})

test('after an alarm nobody sends for five minutes, unless a new sender starts', async () => {
  rig.sandbox.state.settings.key = 'pk_right'
  await seedOrders(rig.db, 1)
  await rig.sendAll({ apiKey: 'pk_wrong' })
  const [queue] = await rig.db.execute(sql`select alarm_at is not null as dated,
      paused_until > alarm_at + interval '5 minutes' as paused from outbox_queues where queue = 'events'`)
  expect(queue).toEqual({ dated: true, paused: true })
  expect((await batchOfNewProcess('events')).outcomes).toEqual([])
  await prepareToSend(rig.db, 86_400_000)
  expect((await batchOfNewProcess('events')).outcomes).toHaveLength(3)
  const alarms = await rig.db.execute(sql`select from outbox_queues where alarm is not null`)
  expect(alarms).toHaveLength(0)
})
