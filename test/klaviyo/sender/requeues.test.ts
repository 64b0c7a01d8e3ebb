/** Messages without an identifier are sent as soon as there is one. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { transaction } from '../../../src/db/connection.ts'
import { createSandbox } from '../../../src/klaviyo-sandbox/sandbox.ts'
import { settle } from '../../../src/outbox/settle.ts'
import { createRig } from '../rig.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig()
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(
    sql`truncate orders, customers, order_items, order_updates, visits, outbox, outbox_requeues`,
  )
  Object.assign(rig.sandbox.state, createSandbox({ settings: { limits: false } }).state)
  await rig.db.execute(sql`insert into customers (id, phone_number) values ('c1', '12')`)
})

const recorded = () => rig.sandbox.state.account.eventLog.entries

async function order(id: string, placedAt = new Date().toISOString()): Promise<void> {
  await rig.db.execute(sql`insert into orders (id, customer_id, placed_at, currency, total)
    values (${id}, 'c1', ${placedAt}, 'USD', 1)`)
  await rig.db.execute(
    sql`insert into order_items (order_id, line, product_id) values (${id}, 1, 'p1')`,
  )
}

async function orderMessages(): Promise<unknown[]> {
  return [
    ...(await rig.db.execute(
      sql`select unique_id, status, backfill from outbox where order_id is not null order by id`,
    )),
  ]
}

test('an order that had no identifier is sent as soon as its customer has one, in its order', async () => {
  await order('o1')
  await rig.sendAll()
  const unsent = { status: 'unsendable', backfill: false }
  expect(await orderMessages()).toEqual([
    { unique_id: 'o1', ...unsent },
    { unique_id: 'o1_p1', ...unsent },
  ])
  await rig.db.execute(sql`update customers set email = 'c1@klaviyo-demo.com' where id = 'c1'`)
  await rig.sendAll()
  expect(recorded().map(({ uniqueId }) => uniqueId)).toEqual(['o1', 'o1_p1'])
})

test('an edit without a new identifier requeues nothing, and an unusable one is tried once', async () => {
  await order('o1')
  await rig.sendAll()
  await rig.db.execute(sql`update customers set first_name = 'Jo' where id = 'c1'`)
  expect(await rig.db.execute(sql`select from outbox_requeues`)).toHaveLength(0)
  await rig.db.execute(sql`update customers set email = 'no mail' where id = 'c1'`)
  await rig.sendAll()
  expect(await orderMessages()).toMatchObject([{ status: 'unsendable' }, { status: 'unsendable' }])
  expect(await rig.db.execute(sql`select from outbox_requeues`)).toHaveLength(0)
})

test('an order that gets its customer later is sent then', async () => {
  await rig.db.execute(sql`insert into orders (id, currency, total) values ('o1', 'USD', 1)`)
  await rig.db.execute(sql`insert into customers (id, email) values ('c2', 'c2@klaviyo-demo.com')`)
  await rig.sendAll()
  await rig.db.execute(sql`update orders set customer_id = 'c2' where id = 'o1'`)
  await rig.sendAll()
  expect(await orderMessages()).toMatchObject([{ unique_id: 'o1', status: 'sent' }])
})

test('what is old by the time it can be sent is history and triggers no flow', async () => {
  await order('o1')
  await rig.sendAll()
  await rig.db.execute(sql`update outbox set occurred_at = now() - interval '3 days'`)
  await rig.db.execute(sql`update customers set email = 'c1@klaviyo-demo.com' where id = 'c1'`)
  await rig.sendAll()
  expect(recorded().map(({ backfill }) => backfill)).toEqual([true, true])
})

test('an identifier that comes while a sender has read the customer without it is not overlooked', async () => {
  await order('o1')
  await transaction(rig.db, async (tx) => {
    const claimed = await tx.execute<{ id: number }>(
      sql`select id::float8 from outbox where order_id = 'o1' order by id for no key update`,
    )
    await rig.db.execute(sql`update customers set email = 'c1@klaviyo-demo.com' where id = 'c1'`)
    await settle(
      tx,
      claimed.map(({ id }) => ({ id, status: 'unsendable', error: 'read before' })),
      rig.sandbox.url,
    )
  })
  await rig.sendAll()
  expect(await orderMessages()).toMatchObject([{ status: 'sent' }, { status: 'sent' }])
})
