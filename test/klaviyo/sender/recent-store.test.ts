/** Only events of the newest order in a store name the customer's most recent store. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createRig } from '../rig.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig()
  await rig.db.execute(
    sql`insert into stores (id, title) values ('east', 'East'), ('west', 'West')`,
  )
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
  await rig.db.execute(sql`insert into customers (id, email) values ('c1', 'c1@klaviyo-demo.com')`)
})

async function order(id: string, storeId: string | null, placedAt: string): Promise<void> {
  await rig.db.execute(sql`insert into orders (id, customer_id, store_id, placed_at, currency, total)
    values (${id}, 'c1', ${storeId}, ${placedAt}, 'USD', 1)`)
}

/** The most recent store in each order's event, null where there is none. */
async function recentStores(): Promise<Record<string, string | null>> {
  await rig.sendAll()
  const rows = await rig.db.execute<{ id: string; properties: Record<string, string> | null }>(sql`
    select unique_id as id, payload #> '{data,attributes,profile,data,attributes,properties}' as properties
    from outbox where order_id is not null order by outbox.id`)
  return Object.fromEntries(
    rows.map(({ id, properties }) => [id, properties?.MostRecentStoreId ?? null]),
  )
}

const [may, june] = ['2025-05-01T10:00:00Z', '2025-06-01T10:00:00Z']

test('of orders in several stores only the newest names its store', async () => {
  await order('o1', 'east', may)
  await order('o2', 'west', june)
  expect(await recentStores()).toEqual({ o1: null, o2: 'west' })
})

test('of orders in one store only the newest names it', async () => {
  await order('o1', 'east', may)
  await order('o2', 'east', june)
  expect(await recentStores()).toEqual({ o1: null, o2: 'east' })
})

test('of two orders at the same time in different stores one names its store', async () => {
  await order('o1', 'east', may)
  await order('o2', 'west', may)
  expect(await recentStores()).toEqual({ o1: 'east', o2: null })
})

test('an order names no store once the customer was in another one later', async () => {
  await order('o1', 'east', may)
  await rig.db.execute(
    sql`insert into visits (customer_id, store_id, at) values ('c1', 'west', ${june})`,
  )
  expect(await recentStores()).toEqual({ o1: null })
})

test('an order without a store names none and keeps the most recent one', async () => {
  await order('o1', 'east', may)
  await order('o2', null, june)
  expect(await recentStores()).toEqual({ o1: 'east', o2: null })
})
