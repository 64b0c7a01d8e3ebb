/** Processes share Klaviyo's limits and pauses. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { sendBatch } from '../../../src/klaviyo/sender/sender.ts'
import { eventsTransport } from '../../../src/klaviyo/sender/transport.ts'
import { createFaultInjector } from '../../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { createSandbox } from '../../../src/klaviyo-sandbox/sandbox.ts'
import { readDeliveryProblems } from '../../../src/outbox/delivery-problems.ts'
import { listMessages } from '../../../src/outbox/messages.ts'
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
    sql`update outbox_queues set paused_until = null, pause_reason = null, alarm = null, alarm_sender = null, requests = '{}'`,
  )
  Object.assign(rig.sandbox.state, createSandbox({ settings: { limits: false } }).state)
})

function batchOfNewProcess(queue: 'events' | 'profiles', share = unlimited, apiKey = 'pk_right') {
  const client = createClient({ url: rig.sandbox.url, apiKey, share, log: silent })
  const sender = { id: apiKey, client, transport: eventsTransport, names }
  return sendBatch(rig.db, queue, sender, new AbortController().signal)
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

test('after an alarm nobody sends by that key for five minutes, unless a new sender starts', async () => {
  rig.sandbox.state.settings.key = 'pk_right'
  await seedOrders(rig.db, 1)
  await rig.sendAll({ apiKey: 'pk_wrong' })
  const [queue] = await rig.db.execute(sql`select alarm_at is not null as dated,
      paused_until > alarm_at + interval '5 minutes' as paused from outbox_queues where queue = 'events'`)
  expect(queue).toEqual({ dated: true, paused: true })
  expect((await batchOfNewProcess('events', unlimited, 'pk_wrong')).outcomes).toEqual([])
  await prepareToSend(rig.db, 86_400_000)
  expect((await batchOfNewProcess('events')).outcomes).toHaveLength(3)
  const alarms = await rig.db.execute(sql`select from outbox_queues where alarm is not null`)
  expect(alarms).toHaveLength(0)
})

test('a sender with another key does not wait for one whose key is rejected', async () => {
  rig.sandbox.state.settings.key = 'pk_right'
  await seedOrders(rig.db, 1)
  await rig.sendAll({ apiKey: 'pk_wrong' })
  expect((await batchOfNewProcess('events')).outcomes).toHaveLength(3)
})

test('a sender in a pause notices when it is cleared', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(
    sql`update outbox_queues set paused_until = now() + interval '10 minutes', pause_reason = '429'`,
  )
  const sending = rig.sendAll()
  await rig.db.execute(sql`update outbox_queues set paused_until = null`)
  await sending
  expect(await statuses(rig.db)).toEqual({ sent: 3 })
})

test('a pause that ends later than any does is none: the clock was set back', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`update outbox_queues set paused_until = now() + interval '30 days'`)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 3 })
})

test('a message that waits longer than any retry does is due: the clock was set back', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`update outbox set next_at = now() + interval '2 hours'`)
  await prepareToSend(rig.db, 86_400_000)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 3 })
})

test('requests that were counted two hours ahead hold nothing up', async () => {
  await seedOrders(rig.db, 1)
  const ahead = Math.floor((Date.now() + 7_200_000) / 100)
  const requests = JSON.stringify({ event: { [ahead]: 3_500 }, bulk: { [ahead]: 150 } })
  await rig.db.execute(sql`update outbox_queues set requests = ${requests}::jsonb`)
  expect((await batchOfNewProcess('events', 1)).outcomes).toHaveLength(3)
})

test('a long pause is told with its reason and its end, wherever one looks', async () => {
  rig.sandbox.state.faultInjector = createFaultInjector({ throttle: 1, wait: 600 })
  await seedOrders(rig.db, 1)
  await batchOfNewProcess('events')
  const [problem] = await readDeliveryProblems(rig.db)
  expect(problem).toMatch(
    /^Klaviyo asked to wait; sending events is paused: 429. The next try is at 20\S+$/,
  )
  const { messages } = await listMessages(rig.db, { status: 'pending' }, { limit: 10 })
  expect(messages).toHaveLength(3)
  expect(messages[0]).toMatchObject({ paused_until: expect.any(String), pause_reason: '429' })
})

test('what is tried again and again is told with its status and its next try', async () => {
  rig.sandbox.state.faultInjector = createFaultInjector({ error: 1 })
  await seedOrders(rig.db, 2)
  await rig.db.execute(sql`update outbox set attempts = 9`)
  await batchOfNewProcess('events')
  expect(await readDeliveryProblems(rig.db)).toEqual([
    expect.stringMatching(
      /^Messages of events that wait for another try: 2, the first at 20\S+\. Klaviyo’s last answer: 503$/,
    ),
  ])
})
