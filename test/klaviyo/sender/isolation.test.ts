/** A row that no event can be built from stops its own messages and nothing else. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createRig } from '../rig.ts'
import { seedOrders } from '../seed.ts'

let rig: Awaited<ReturnType<typeof createRig>>

/** As they were before the checks, and may still be in a database that was. */
const checks = [
  ['customers', 'customers_most_recent_store_at_valid'],
  ['orders', 'orders_placed_at_valid'],
  ['order_updates', 'order_updates_occurred_at_valid'],
  ['order_updates', 'order_updates_items_valid'],
] as const

beforeAll(async () => {
  rig = await createRig()
  for (const [table, check] of checks)
    await rig.db.execute(
      sql`alter table ${sql.identifier(table)} drop constraint ${sql.identifier(check)}`,
    )
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
})

const failed = () =>
  rig.db.execute<{ order_id: string; error: string }>(
    sql`select order_id, error from outbox where status = 'failed' order by id`,
  )

async function sentOrders(): Promise<string[]> {
  const rows = await rig.db.execute<{ order_id: string }>(
    sql`select distinct order_id from outbox where status = 'sent' order by 1`,
  )
  return rows.map(({ order_id }) => order_id)
}

test.each(['infinity', '-infinity', '0044-03-15 00:00:00+00 BC', '10000-01-01T00:00:00Z'])(
  'an order placed at %s fails with its reason, and others are sent',
  async (placedAt) => {
    await seedOrders(rig.db, 3)
    await rig.db.execute(sql`update orders set placed_at = ${placedAt} where id = 'o2'`)
    await rig.sendAll()
    expect(await sentOrders()).toEqual(['o1', 'o3'])
    const rows = await failed()
    expect(rows.map(({ order_id }) => order_id)).toEqual(['o2', 'o2', 'o2'])
    expect(rows[0]?.error).toMatch(
      /^the event cannot be built from what is stored: ".+" is no time/,
    )
  },
)

test.each(['infinity', '-infinity'])(
  'an update at %s fails, and the rest of its order is sent',
  async (at) => {
    await seedOrders(rig.db, 2, { fulfilled: true })
    await rig.db.execute(sql`update order_updates set occurred_at = ${at} where order_id = 'o1'`)
    await rig.sendAll()
    expect(await sentOrders()).toEqual(['o1', 'o2'])
    expect(await failed()).toHaveLength(1)
  },
)

test.each(['[{"line": 1.5, "quantity": 1}]', '[{"line": 1e10, "quantity": 1}]', '[1]'])(
  'an update of the lines %s fails with its order, in bulk too, and others are sent',
  async (items) => {
    await seedOrders(rig.db, 30, { fulfilled: true })
    await rig.db.execute(
      sql`update order_updates set items = ${items}::jsonb where order_id = 'o7'`,
    )
    await rig.sendAll()
    expect(await sentOrders()).toHaveLength(29)
    const rows = await failed()
    expect(new Set(rows.map(({ order_id }) => order_id))).toEqual(new Set(['o7']))
    expect(rows[0]?.error).toMatch(/^the event cannot be built from what is stored: /)
    expect(rows[0]?.error).not.toMatch(/select/i)
  },
)
