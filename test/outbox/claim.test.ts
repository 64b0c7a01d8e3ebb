import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Queryable, transaction } from '../../src/db/connection.ts'
import { discardMessage } from '../../src/outbox/change-messages.ts'
import { claimGroups } from '../../src/outbox/claim.ts'
import { acquireQueue } from '../../src/outbox/queue.ts'
import { requeueUnsendable } from '../../src/outbox/requeue.ts'
import { settle } from '../../src/outbox/settle.ts'
import { createRig } from '../klaviyo/rig.ts'
import { seedOrders } from '../klaviyo/seed.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig()
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
})

test('a discard of a message that is being sent waits, and then conflicts', async () => {
  await seedOrders(rig.db, 1)
  const { discarding } = await transaction(rig.db, async (tx) => {
    await acquireQueue(tx, 'events', 'any')
    const ids = (await claimGroups(tx, 'events', 10)).flatMap(({ messages }) =>
      messages.map(({ id }) => id),
    )
    expect(ids).toHaveLength(3)
    const result = discardMessage(rig.db, ids[1] ?? 0).then(
      () => 'discarded',
      (error: Error) => error.message,
    )
    await expect
      .poll(() =>
        rig.db.execute(
          sql`select from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()`,
        ),
      )
      .toHaveLength(1)
    await settle(
      tx,
      ids.map((id) => ({ id, status: 'sent', payload: '{}' })),
      rig.sandbox.url,
    )
    return { discarding: result }
  })
  expect(await discarding).toBe('The message was already sent: Klaviyo cannot take it back.')
})

test('messages behind one that waits for its retry keep no others from being sent', async () => {
  await rig.db.execute(sql`insert into customers (id, email)
    values ('c1', 'c1@klaviyo-demo.com'), ('c2', 'c2@klaviyo-demo.com')`)
  await rig.db.execute(sql`insert into visits (customer_id, store_id, at)
    select 'c1', '1212', now() - n * interval '1 s' from generate_series(1, 200) n`)
  await rig.db.execute(sql`update outbox set next_at = now() + interval '1 hour'
    where id = (select min(id) from outbox where customer_id = 'c1')`)
  await rig.db.execute(sql`update outbox set next_at = now() where customer_id = 'c2'`)
  await rig.sendAll()
  const rows = await rig.db.execute(sql`select customer_id, status, count(*)::int as count
    from outbox where customer_id is not null group by 1, 2 order by 1`)
  expect([...rows]).toEqual([
    { customer_id: 'c1', status: 'pending', count: 201 },
    { customer_id: 'c2', status: 'sent', count: 1 },
  ])
})

test('who does not get the queue claims nothing, waits for no message, and leaves what is to be requeued', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`insert into outbox_requeues (customer_id) values ('o1')`)
  const claim = (tx: Queryable) =>
    Promise.all([
      acquireQueue(tx, 'events', 'any'),
      requeueUnsendable(tx),
      claimGroups(tx, 'events', 10),
    ])
  await transaction(rig.db, async (tx) => {
    await acquireQueue(tx, 'events', 'any')
    expect(await claimGroups(tx, 'events', 10)).toHaveLength(1)
    expect(await transaction(rig.db, claim)).toEqual([null, undefined, []])
    expect(await rig.db.execute(sql`select from outbox_requeues`)).toHaveLength(1)
  })
  const [state, , groups] = await transaction(rig.db, claim)
  expect([state?.paused_ms, groups.length]).toEqual([null, 1])
  expect(await rig.db.execute(sql`select from outbox_requeues`)).toHaveLength(0)
})

test('while the queue is paused nothing is claimed', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(
    sql`update outbox_queues set paused_until = now() + interval '1 min' where queue = 'events'`,
  )
  const [state, groups] = await transaction(rig.db, (tx) =>
    Promise.all([acquireQueue(tx, 'events', 'any'), claimGroups(tx, 'events', 10)]),
  )
  expect([state?.paused_ms, groups]).toEqual([expect.any(Number), []])
  await rig.db.execute(sql`update outbox_queues set paused_until = null`)
})
