/** Simulates trade in the demo's stores: orders with items of the catalog, their updates, and visits. */
import { randomInt } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { listRecords } from '../../catalog/catalog-reads.ts'
import { productResource } from '../../catalog/products.ts'
import { storeResource } from '../../catalog/stores.ts'
import type { CustomerInput } from '../../customers/customer-input.ts'
import { recordVisit } from '../../customers/visits.ts'
import type { Database } from '../../db/connection.ts'
import { type Loop, startLoop } from '../../lib/loop.ts'
import type { OrderInput } from '../../orders/order-input.ts'
import { recordUpdate } from '../../orders/order-updates.ts'
import { recordOrder } from '../../orders/orders.ts'

const orderEveryMs = 12_000

const customerNames = [
  ['Ada', 'Byron'],
  ['Grace', 'Murray'],
  ['Alan', 'Mathison'],
  ['Joan', 'Clarke'],
  ['Katherine', 'Coleman'],
] as const

const oneOf = <T>(list: readonly T[]): T | undefined => list[randomInt(list.length)]

/** Until it is stopped. */
export function simulateOrders(
  db: Database,
  currency: string,
  onError: (error: unknown) => void,
): Loop {
  let previousId: string | undefined
  const simulate = async () => {
    if (previousId) await updateOrder(db, previousId)
    const order = await randomOrder(db)
    if (!order) return
    await recordOrder(db, order, { currency })
    const { customer, store_id } = order
    if (customer && store_id) await recordVisit(db, { customer, store_id })
    previousId = order.id
  }
  return startLoop(simulate, {
    everyMs: orderEveryMs,
    pauseMs: orderEveryMs,
    idleRatio: 0,
    onError,
  })
}

/** Most orders are fulfilled; some are cancelled instead, some refunded afterwards. */
async function updateOrder(db: Database, orderId: string): Promise<void> {
  const chance = randomInt(10)
  if (chance === 0) {
    await recordUpdate(db, orderId, 'cancelled', { id: 'c1', reason: 'No longer needed' })
    return
  }
  await recordUpdate(db, orderId, 'fulfilled', { id: 'f1', shipping_method: 'Picked up' })
  if (chance > 7)
    await recordUpdate(db, orderId, 'refunded', {
      id: 'r1',
      reason: 'Did not fit',
      items: [{ line: 1 }],
    })
}

/** Undefined when the catalog has no store or nothing with a price. */
async function randomOrder(db: Database): Promise<OrderInput | undefined> {
  const page = { limit: 100 }
  const stores = await listRecords(db, storeResource, sql`true`, page)
  const products = await listRecords(db, productResource, sql`true`, page)
  const priced = products.records.filter(({ price }) => price !== null)
  if (stores.records.length === 0 || priced.length === 0) return undefined
  const items = [oneOf(priced), oneOf(priced)].flatMap((product) =>
    product
      ? [{ product_id: product.id, quantity: randomInt(1, 3), item_price: product.price ?? 0 }]
      : [],
  )
  const cents = items.reduce(
    (sum, item) => sum + item.quantity * Math.round(item.item_price * 100),
    0,
  )
  return {
    id: `demo-${Date.now().toString(36)}-${randomInt(36 ** 3).toString(36)}`,
    store_id: oneOf(stores.records)?.id,
    total: cents / 100,
    customer: randomCustomer(),
    items,
  }
}

function randomCustomer(): CustomerInput {
  const [first_name, last_name] = oneOf(customerNames) ?? customerNames[0]
  return {
    email: `${first_name}.${last_name}@klaviyo-demo.com`.toLowerCase(),
    first_name,
    last_name,
  }
}
