/** In charge of the life of the demo's shops: a few orders a minute, some of them fulfilled, cancelled or refunded, and a visit. */
import { randomInt } from 'node:crypto'
import { recordVisit } from '../../customers/visits.ts'
import type { Database } from '../../db/connection.ts'
import { type Loop, startLoop } from '../../lib/loop.ts'
import type { OrderInput } from '../../orders/order-input.ts'
import { recordUpdate } from '../../orders/order-updates.ts'
import { recordOrder } from '../../orders/orders.ts'
import { demoProducts, demoStores } from './demo-catalog.ts'

const orderEveryMs = 12_000

const people = ['Ada Byron', 'Grace Murray', 'Alan Mathison', 'Joan Clarke', 'Katherine Coleman']

const oneOf = <T>(list: readonly T[]): T | undefined => list[randomInt(list.length)]

/** Goes on until it is stopped. */
export function simulateOrders(
  db: Database,
  currency: string,
  onError: (error: unknown) => void,
): Loop {
  let earlier: string | undefined
  const play = async () => {
    if (earlier) await playUpdate(db, earlier)
    const draft = draftOrder()
    await recordOrder(db, draft, { currency })
    await recordVisit(db, { customer: draft.customer, store_id: oneOf(demoStores)?.id ?? '1212' })
    earlier = draft.id
  }
  return startLoop(play, { everyMs: orderEveryMs, pauseMs: orderEveryMs, idleRatio: 0, onError })
}

/** What becomes of most orders: they are fulfilled; some are cancelled instead, some refunded afterwards. */
async function playUpdate(db: Database, orderId: string): Promise<void> {
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

function draftOrder(): OrderInput {
  const items = [oneOf(demoProducts), oneOf(demoProducts)].flatMap((product) =>
    product?.price
      ? [{ product_id: product.id, quantity: randomInt(1, 3), item_price: product.price }]
      : [],
  )
  const cents = items.reduce(
    (sum, item) => sum + item.quantity * Math.round(item.item_price * 100),
    0,
  )
  return {
    id: `demo-${Date.now().toString(36)}-${randomInt(36 ** 3).toString(36)}`,
    store_id: oneOf(demoStores)?.id,
    total: cents / 100,
    customer: draftCustomer(),
    items,
  }
}

function draftCustomer(): OrderInput['customer'] {
  const [first_name = '', last_name = ''] = oneOf(people)?.split(' ') ?? []
  return {
    email: `${first_name}.${last_name}@klaviyo-demo.com`.toLowerCase(),
    first_name,
    last_name,
  }
}
