/** Erasing during concurrent orders, edits, visits, backfills and sending neither deadlocks nor leaves anything behind. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { saveCustomer } from '../../src/customers/customers.ts'
import { eraseCustomer } from '../../src/customers/erasure.ts'
import { recordVisit } from '../../src/customers/visits.ts'
import { connect } from '../../src/db/connection.ts'
import { queueNames } from '../../src/db/schema/outbox.ts'
import { createClient } from '../../src/klaviyo/api/client.ts'
import { drain } from '../../src/klaviyo/sender/sender.ts'
import { eventsTransport } from '../../src/klaviyo/sender/transport.ts'
import { AppError } from '../../src/lib/errors.ts'
import { orderInput } from '../../src/orders/order-input.ts'
import { recordUpdate } from '../../src/orders/order-updates.ts'
import { recordOrder } from '../../src/orders/orders.ts'
import { enqueueBackfill } from '../../src/outbox/backfill.ts'
import { names } from '../klaviyo/guide-payloads.ts'
import { createRig } from '../klaviyo/rig.ts'
import { silent, unlimited } from '../klaviyo/seed.ts'
import { tracesOf } from '../support/traces.ts'

let rig: Awaited<ReturnType<typeof createRig>>
beforeAll(async () => {
  rig = await createRig()
  await rig.db.execute(sql`insert into stores (id, title) values ('s', 'Boston')`)
})
afterAll(() => rig.close())

const email = 'zq@klaviyo-demo.com'
const customer = { email, first_name: 'Zenobia', phone_number: '+16175550177' }
/** Known by the merchant's id, by e-mail only, and by another id that comes to have the e-mail. */
const guises = [{ id: 'zq-1', ...customer }, customer, { id: 'zq-2', ...customer }]
const rounds = 40

/** Whoever comes too late finds nobody, or an order that nobody has recorded yet. */
async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof AppError) || !['not_found', 'conflict'].includes(error.code)) throw error
  }
}

test('a customer who is erased again and again while everything goes on', {
  timeout: 120_000,
}, async () => {
  const { db, close } = connect(rig.url, { max: 12 })
  const stopping = new AbortController()
  const client = createClient({ url: rig.sandbox.url, apiKey: 'k', share: unlimited, log: silent })
  const sender = { id: 'test', client, transport: eventsTransport, names }
  const send = async () => {
    while (!stopping.signal.aborted)
      for (const queue of queueNames)
        await drain(queue, { db, sender, log: silent }, stopping.signal)
  }
  const theirIds = async () =>
    (await db.execute<{ id: string }>(sql`select id from customers where email = ${email}`)).map(
      ({ id }) => id,
    )
  const eraseAll = async () => {
    for (const id of await theirIds()) await unlessGone(eraseCustomer(db, id))
  }
  const backfill = async () => {
    for await (const _ of enqueueBackfill(db, { from: null, to: null }, 'http://elsewhere'));
  }
  try {
    const sending = send()
    for (let round = 0; round < rounds; round++) {
      const orders = guises.map((customer, n) =>
        orderInput.parse({
          id: `o${round}-${n}`,
          total: 1,
          store_id: 's',
          customer,
          items: [{ product_id: 'p', item_price: 1 }],
        }),
      )
      await Promise.all([
        ...orders.map((input) => recordOrder(db, input, { currency: 'USD' })),
        ...guises.map((customer) => recordVisit(db, { customer, store_id: 's' })),
        unlessGone(saveCustomer(db, 'zq-1', { ...customer, city: `City ${round}` })),
        unlessGone(recordUpdate(db, `o${round - 1}-0`, 'refunded', { id: 'r', value: 1 })),
        backfill(),
        eraseAll(),
        eraseAll(),
      ])
    }
    await eraseAll()
    stopping.abort()
    await sending
  } finally {
    stopping.abort()
    await close()
  }
  const words = ['zenobia', 'zq@', 'zq-1', '5550177']
  expect(await tracesOf(rig.db, words)).toEqual([])
  const [counted] = await rig.db.execute(sql`
    select count(*)::int as orders, count(erased_at)::int as erased, count(customer_id)::int as owned from orders`)
  expect(counted).toMatchObject({
    orders: rounds * guises.length,
    owned: 0,
    erased: rounds * guises.length,
  })
  // Postgres counts what its connections have reported, at the latest when they end.
  const [{ deadlocks } = { deadlocks: null }] = await rig.db.execute<{ deadlocks: number }>(
    sql`select deadlocks::int from pg_stat_database where datname = current_database()`,
  )
  expect(deadlocks).toBe(0)
})
