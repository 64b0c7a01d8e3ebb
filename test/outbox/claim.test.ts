import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Queryable, transaction } from '../../src/db/connection.ts'
import { discardMessage } from '../../src/outbox/change-messages.ts'
import { claimGroups } from '../../src/outbox/claim.ts'
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

const claim = (tx: Queryable) => claimGroups(tx, 'events', 'any', { limit: 10 })

test('a discard of a message that is being sent waits, and then conflicts', async () => {
  await seedOrders(rig.db, 1)
  const { discarding } = await transaction(rig.db, async (tx) => {
    const claimed = await claim(tx)
    const ids = claimed?.groups.flatMap(({ messages }) => messages.map(({ id }) => id)) ?? []
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

test('who does not get the queue claims nothing and waits for no message', async () => {
  await seedOrders(rig.db, 1)
  await transaction(rig.db, async (tx) => {
    expect((await claim(tx))?.groups).toHaveLength(1)
    expect(await transaction(rig.db, claim)).toBe(null)
    // The same sender may claim again.
    expect((await claim(tx))?.groups).toHaveLength(1)
  })
  const claimed = await transaction(rig.db, claim)
  expect([claimed?.state.paused_ms, claimed?.groups.length]).toEqual([null, 1])
})

test('while the queue is paused nothing is claimed', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(
    sql`update outbox_queues set paused_until = now() + interval '1 min' where queue = 'events'`,
  )
  const claimed = await transaction(rig.db, claim)
  expect(claimed).toMatchObject({ state: { paused_ms: expect.any(Number) }, groups: [] })
  await rig.db.execute(sql`update outbox_queues set paused_until = null`)
})
