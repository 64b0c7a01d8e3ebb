/** Returned lines, and sales of which something is unknown. */
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { orderInput } from '../../src/orders/order-input.ts'
import { recordOrder } from '../../src/orders/orders.ts'
import { createRig } from '../klaviyo/rig.ts'

let rig: Awaited<ReturnType<typeof createRig>>
beforeEach(async () => {
  rig = await createRig()
  await rig.db.execute(
    sql`insert into products (id, title, price) values ('pot', 'Pot', 20), ('lid', 'Lid', 5)`,
  )
})
afterEach(() => rig.close())

const customer = { email: 'ada@klaviyo-demo.com' }
const record = (order: object) =>
  recordOrder(rig.db, orderInput.parse({ id: 'o1', customer, ...order }), { currency: 'USD' })

async function sent() {
  await rig.sendAll()
  return rig.db.execute<{ metric: string }>(sql`
    select metric, unique_id, (payload #>> '{data,attributes,value}')::float8 as value,
      payload #> '{data,attributes,properties}' as properties,
      array(select jsonb_array_elements(warnings)->>'code') as warnings
    from outbox where order_id is not null order by id`)
}

test('a returned line in a sale is sent as Returned Order; Placed Order has the sold lines', async () => {
  const items = [
    { product_id: 'pot' },
    { product_id: 'lid', quantity: 2 },
    { product_id: 'pot', quantity: -1, returned_order_id: 'A-9' },
  ]
  const { order } = await record({ total: 10, items })
  expect(order.items[2]).toMatchObject({ quantity: -1, row_total: -20, returned_order_id: 'A-9' })
  expect(await sent()).toMatchObject([
    {
      metric: 'placed_order',
      value: 10,
      properties: { ItemNames: ['Pot', 'Lid'], Items: [{}, {}] },
    },
    { metric: 'ordered_product', unique_id: 'o1_pot' },
    { metric: 'ordered_product', unique_id: 'o1_lid' },
    {
      metric: 'returned_order',
      unique_id: 'o1_A-9',
      value: 20,
      properties: {
        OrderId: 'o1',
        ReturnedOrderId: 'A-9',
        Items: [{ ProductID: 'pot', Quantity: 1, RowTotal: 20 }],
      },
    },
  ])
})

test('an exchange for something cheaper is placed with the value 0', async () => {
  const items = [{ product_id: 'lid' }, { product_id: 'pot', quantity: -1, row_total: 20 }]
  await record({ total: -15, items })
  expect(await sent()).toMatchObject([
    { metric: 'placed_order', value: 0 },
    { metric: 'ordered_product', value: 5 },
    { metric: 'returned_order', unique_id: 'o1', value: 20 },
  ])
})

test('returned lines alone are no placed order', async () => {
  await record({ total: -20, items: [{ product_id: 'pot', quantity: -1 }] })
  expect(await sent()).toMatchObject([{ metric: 'returned_order', unique_id: 'o1', value: 20 }])
})

test('by SQL returned lines are the same', async () => {
  await rig.db.transaction(async (tx) => {
    await tx.execute(sql`insert into customers (id, email) values ('c', 'ada@klaviyo-demo.com')`)
    await tx.execute(
      sql`insert into orders (id, customer_id, currency, total) values ('o1', 'c', 'USD', 0)`,
    )
    await tx.execute(sql`insert into order_items (order_id, product_id, quantity, returned_order_id)
      values ('o1', 'pot', 1, null), ('o1', 'pot', -1, 'A-9')`)
  })
  expect(await sent()).toMatchObject([
    { metric: 'placed_order', value: 0 },
    { metric: 'ordered_product', value: 20 },
    { metric: 'returned_order', unique_id: 'o1_A-9', value: 20 },
  ])
})

test('an amount without a product is sent with its value', async () => {
  await record({ total: 7, items: [{ item_price: 7 }] })
  expect(await sent()).toMatchObject([
    { metric: 'placed_order', value: 7, warnings: [] },
    { metric: 'ordered_product', unique_id: 'o1_1', value: 7, warnings: [] },
  ])
})

test('an unknown product and an unknown store are sent as they are named, with a warning', async () => {
  const items = [{ product_id: 'gone', quantity: 2, item_price: 7 }, { product_id: 'free' }]
  await record({ total: 14, store_id: 'nowhere', items })
  expect(await sent()).toMatchObject([
    {
      metric: 'placed_order',
      properties: { StoreId: 'nowhere' },
      warnings: ['unknown_store', 'unknown_product', 'unknown_product'],
    },
    {
      value: 14,
      properties: { ProductID: 'gone' },
      warnings: ['unknown_store', 'unknown_product'],
    },
    { value: 0, warnings: ['unknown_store', 'unknown_product', 'unknown_value'] },
  ])
})

test('a sale without a customer is recorded, and sent once it has one', async () => {
  await record({ total: 20, customer: null, items: [{ product_id: 'pot' }] })
  await rig.sendAll()
  expect(rig.sandbox.state.account.eventLog.entries).toEqual([])
  await record({ total: 20, items: [{ product_id: 'pot' }] })
  expect(await sent()).toMatchObject([{ metric: 'placed_order', value: 20 }, { value: 20 }])
  expect(rig.sandbox.state.account.eventLog.entries).toHaveLength(2)
})

test('a return tells what was left out of what it says of its customer', async () => {
  const customer = { email: 'ada@klaviyo-demo.com', phone_number: 'n/a' }
  await record({ total: -20, customer, items: [{ product_id: 'pot', quantity: -1 }] })
  expect(await sent()).toMatchObject([{ metric: 'returned_order', warnings: ['left_out'] }])
})
