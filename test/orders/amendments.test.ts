/** Orders that changed after they were recorded. */
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { importKinds } from '../../src/import-export/import-kinds.ts'
import { recordOrder } from '../../src/orders/orders.ts'
import { enqueueBackfill } from '../../src/outbox/backfill.ts'
import { createRig } from '../klaviyo/rig.ts'

let rig: Awaited<ReturnType<typeof createRig>>
beforeEach(async () => {
  rig = await createRig()
})
afterEach(() => rig.close())

const currency = 'USD'
const bought = {
  id: 'o1',
  placed_at: new Date(Date.now() - 60_000).toISOString(),
  total: 30,
  customer: { email: 'ada@klaviyo-demo.com' },
  items: [
    { product_name: 'Pot', item_price: 20 },
    { product_name: 'Ladle', item_price: 10 },
  ],
}
const record = (change: object = {}) => recordOrder(rig.db, { ...bought, ...change }, { currency })

/** What Klaviyo got, without the line items. */
function received() {
  return rig.sandbox.state.account.eventLog.entries
    .filter(({ metric }) => metric !== 'Ordered Product')
    .map(({ metric, uniqueId, value }) => ({ metric, uniqueId, value }))
}

async function payload(metric: string): Promise<unknown> {
  const rows = await rig.db.execute<{ properties: unknown }>(sql`
    select payload #> '{data,attributes,properties}' as properties from outbox where metric = ${metric} order by id desc limit 1`)
  return rows[0]?.properties
}

const placed = { metric: 'Placed Order', uniqueId: 'o1', value: 30 }

test('an order amended after it was sent is sent as Adjusted Order with the new items and the difference', async () => {
  await record()
  await rig.sendAll()
  const items = [{ product_name: 'Pot', item_price: 20, quantity: 2 }]
  const { order, created } = await record({ total: 40, items })
  expect(created).toBe(false)
  expect(order).toMatchObject({
    total: 40,
    items: [{ line: 1, quantity: 2, row_total: 40 }],
    amendments: [{ number: 1, previous_total: 30, total: 40, previous_items: 2, items: 1 }],
  })
  await record({ total: 40, items })
  await rig.sendAll()
  expect(received()).toEqual([placed, { metric: 'Adjusted Order', uniqueId: 'o1_1', value: 10 }])
  expect(await payload('adjusted_order')).toMatchObject({
    OrderId: 'o1',
    ItemNames: ['Pot'],
    Items: [{ Quantity: 2, RowTotal: 40 }],
    PreviousTotal: 30,
    Total: 40,
    Difference: 10,
  })
})

test('each amendment is sent with what the order was then, however late', async () => {
  await record()
  await rig.sendAll()
  for (const total of [29, 35]) await record({ total })
  await rig.sendAll()
  expect(received().slice(1)).toEqual([
    { metric: 'Adjusted Order', uniqueId: 'o1_1', value: -1 },
    { metric: 'Adjusted Order', uniqueId: 'o1_2', value: 6 },
  ])
})

test('an order amended before it was sent is sent once, as it is now', async () => {
  await record()
  await record({ total: 25 })
  await rig.sendAll()
  await rig.sendAll()
  expect(received()).toEqual([{ ...placed, value: 25 }])
})

test('by SQL any change of sent rows is one adjustment for each transaction', async () => {
  await record()
  await rig.sendAll()
  await rig.db.transaction(async (tx) => {
    await tx.execute(sql`update orders set total = 45 where id = 'o1'`)
    await tx.execute(sql`update order_items set quantity = 2, row_total = 20 where line = 2`)
    await tx.execute(sql`delete from order_items where line = 1`)
    await tx.execute(
      sql`insert into order_items (order_id, product_name, item_price) values ('o1', 'Lid', 25)`,
    )
  })
  await rig.db.execute(sql`update orders set metadata = '{"till":1}' where id = 'o1'`)
  await rig.db.execute(sql`update order_items set quantity = quantity`)
  await rig.sendAll()
  expect(received()).toEqual([placed, { metric: 'Adjusted Order', uniqueId: 'o1_1', value: 15 }])
  expect(await payload('adjusted_order')).toMatchObject({ ItemNames: ['Ladle', 'Lid'] })
})

test('an order replaced by deleting and inserting it is adjusted', async () => {
  await record()
  await rig.sendAll()
  await rig.db.transaction(async (tx) => {
    await tx.execute(sql`create temp table kept on commit drop as select * from orders`)
    await tx.execute(sql`delete from orders`)
    await tx.execute(sql`insert into orders select * from kept`)
    await tx.execute(sql`update orders set total = 20`)
    await tx.execute(
      sql`insert into order_items (order_id, product_name, item_price) values ('o1', 'Pot', 20)`,
    )
  })
  await rig.sendAll()
  expect(received()).toEqual([placed, { metric: 'Adjusted Order', uniqueId: 'o1_1', value: -10 }])
})

test('a change that commits while the order is being sent is sent as an adjustment', async () => {
  await record()
  let release = () => {}
  const changed = new Promise<void>((resolve) => {
    release = resolve
  })
  const till = rig.db.transaction(async (tx) => {
    await tx.execute(sql`update orders set total = 33 where id = 'o1'`)
    await changed
  })
  await rig.sendAll()
  release()
  await till
  await rig.sendAll()
  expect(received()).toEqual([placed, { metric: 'Adjusted Order', uniqueId: 'o1_1', value: 3 }])
})

test('by file an order with other content is an amendment, another customer’s a reject', async () => {
  await record()
  await rig.sendAll()
  const batch = importKinds.find(({ name }) => name === 'orders')?.startBatch(false)
  batch?.add({ ...bought, total: 31 })
  batch?.add({ ...bought, customer: { email: 'bob@klaviyo-demo.com' } })
  const written = await batch?.write(rig.db, { currency, dryRun: false })
  expect(written).toMatchObject({ created: 0, updated: 1, rejected: [{ index: 1 }] })
  await rig.sendAll()
  expect(received()).toEqual([placed, { metric: 'Adjusted Order', uniqueId: 'o1_1', value: 1 }])
})

test('a backfill to Klaviyo of what a sandbox got sends the order as it is now, without adjustments', async () => {
  await record()
  await rig.sendAll()
  await record({ total: 31 })
  await rig.sendAll()
  await rig.db.execute(sql`update outbox set sent_to = 'another sandbox'`)
  for await (const _ of enqueueBackfill(rig.db, { from: null, to: null }, rig.url)) void _
  const rows = await rig.db.execute(
    sql`select metric from outbox where status = 'pending' and metric <> 'ordered_product'`,
  )
  expect(rows).toEqual([{ metric: 'placed_order' }])
})

test.each([
  ['null for absent', { store_id: null, discount_code: null, metadata: null }],
  ['the default currency', { currency }],
  ['the case of the e-mail', { customer: { email: ' Ada@Klaviyo-Demo.com' } }],
  [
    'line numbers and quantities',
    { items: bought.items.map((item, at) => ({ ...item, line: at + 1, quantity: 1, sku: null })) },
  ],
  [
    'the product’s own price and total',
    { items: bought.items.map((item) => ({ ...item, row_total: item.item_price })) },
  ],
  ['no time', { placed_at: null }],
])('the same order spelled with %s is the same order', async (_, change) => {
  const first = await record()
  expect(await record(change)).toEqual({ order: first.order, created: false })
})

test('what an amendment says of its customer counts as of the order, and what is left out is told', async () => {
  await record({ customer: { ...bought.customer, first_name: 'Ada' } })
  await rig.db.execute(sql`update customers set first_name = 'Bea'`)
  const customer = { ...bought.customer, first_name: 'Ada', phone_number: 'n/a' }
  const { order } = await record({ placed_at: undefined, total: 40, customer })
  expect(order.warnings).toEqual([
    {
      code: 'left_out',
      field: 'customer.phone_number',
      detail: 'phone_number "n/a" left out: it says nothing',
    },
  ])
  expect([...(await rig.db.execute(sql`select first_name from customers`))]).toEqual([
    { first_name: 'Bea' },
  ])
})
