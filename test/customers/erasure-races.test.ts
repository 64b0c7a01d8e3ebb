/** Whoever writes, sends or reads while a customer is erased does so entirely before it or entirely after it. */
import { sql } from 'drizzle-orm'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { type HeldKlaviyo, holdAnswers } from '../cli/held-klaviyo.ts'
import { untilWaiting } from '../support/lock-waits.ts'
import { type Answer, startTestServer, type TestServer } from '../support/server.ts'
import { tracesOf } from '../support/traces.ts'

let sandbox: RunningSandbox
let held: HeldKlaviyo
let server: TestServer

beforeEach(async () => {
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  held = await holdAnswers(sandbox.url)
})
afterEach(async () => {
  held.release()
  await server.stop()
  await held.stop()
  await sandbox.stop()
})

async function startServer(sending: boolean): Promise<void> {
  const { klaviyo } = readConfig(
    sending ? { KLAVIYO_API_KEY: 'pk_test', KLAVIYO_URL: held.url } : {},
  )
  server = await startTestServer({ klaviyo })
  await server.ask('PUT', '/v1/stores/1212', { title: 'Boston' })
}

const email = 'again@klaviyo-demo.com'
const zenobia = { id: 'zq-1', email, first_name: 'Zenobia', phone_number: '+16175550177' }
/** Of her before she is erased; the e-mail may come back with who orders later. */
const words = ['zenobia', '5550177']

const order = (customer: object) => ({
  total: 10,
  customer,
  store_id: '1212',
  billing_address: { first_name: 'Zenobia' },
  items: [{ product_id: 'p', item_price: 10 }],
})
const erase = () => server.ask('DELETE', '/v1/customers/zq-1')

/** While `lock` holds something up, `first` is begun, then `second`; answers both, in this order. */
async function whileHeld(
  lock: ReturnType<typeof sql>,
  first: () => Promise<Answer>,
  second: () => Promise<Answer>,
): Promise<number[]> {
  const begun: Promise<Answer>[] = []
  await server.database.db.transaction(async (tx) => {
    await tx.execute(lock)
    begun.push(first())
    await untilWaiting(server.database.db, 1)
    begun.push(second())
    await untilWaiting(server.database.db, 2)
  })
  return (await Promise.all(begun)).map(({ status }) => status)
}

const writers: [string, () => Promise<Answer>, string][] = [
  ['an order', () => server.ask('PUT', '/v1/orders/z2', order(zenobia)), 'order_items'],
  [
    'an order that names her by id only',
    () => server.ask('PUT', '/v1/orders/z2', order({ id: 'zq-1' })),
    'order_items',
  ],
  [
    'an edit',
    () => server.ask('PUT', '/v1/customers/zq-1', { email, last_name: 'Zenobia' }),
    'outbox',
  ],
  [
    'a visit',
    () => server.ask('POST', '/v1/visits', { customer: { id: 'zq-1' }, store_id: '1212' }),
    'visits',
  ],
  [
    'a refund',
    () => server.ask('POST', '/v1/orders/z1/refunds', { id: 'r', reason: 'Zenobia said so' }),
    'order_updates',
  ],
]

test.each(writers)('%s under way is erased with the customer', async (_, write, table) => {
  await startServer(false)
  await server.ask('PUT', '/v1/orders/z1', order(zenobia))
  const lock = sql`lock table ${sql.identifier(table)} in exclusive mode`
  const [wrote, erased] = await whileHeld(lock, write, erase)
  expect([200, 201]).toContain(wrote)
  expect(erased).toBe(204)
  expect(await tracesOf(server.database.db, [...words, 'zq-1', email])).toEqual([])
})

const later: [string, () => Promise<Answer>, number][] = [
  [
    'an order',
    () => server.ask('PUT', '/v1/orders/n1', { total: 1, customer: { id: 'zq-1', email } }),
    201,
  ],
  [
    'an order by e-mail only',
    () => server.ask('PUT', '/v1/orders/n1', { total: 1, customer: { email } }),
    201,
  ],
  [
    'an order by id only',
    () => server.ask('PUT', '/v1/orders/n1', { total: 1, customer: { id: 'zq-1' } }),
    201,
  ],
  ['an edit', () => server.ask('PUT', '/v1/customers/zq-1', { email }), 200],
  [
    'a visit by id only',
    () => server.ask('POST', '/v1/visits', { customer: { id: 'zq-1' }, store_id: '1212' }),
    201,
  ],
  ['a refund', () => server.ask('POST', '/v1/orders/z1/refunds', { id: 'r', value: 1 }), 201],
  ['another erasure', erase, 404],
]

test.each(later)(
  '%s that comes meanwhile waits, and knows nothing of the customer',
  async (_, write, expected) => {
    await startServer(false)
    await server.ask('PUT', '/v1/orders/z1', order(zenobia))
    const claimed = sql`select from outbox where order_id = 'z1' for no key update`
    expect(await whileHeld(claimed, erase, write)).toEqual([204, expected])
    expect(await tracesOf(server.database.db, words)).toEqual([])
    const messages = await server.database.db.execute(sql`select from outbox where order_id = 'z1'`)
    expect(messages).toHaveLength(0)
  },
)

test('erasing waits for messages being sent, then empties them; nothing more is sent', async () => {
  await startServer(true)
  await server.ask('PUT', '/v1/orders/z1', order(zenobia))
  await held.recorded
  const erasing = erase()
  await untilWaiting(server.database.db, 1)
  held.release()
  expect((await erasing).status).toBe(204)
  expect(await tracesOf(server.database.db, [...words, 'zq-1', email])).toEqual([])
  const { entries } = sandbox.state.account.eventLog
  const sent = entries.map(({ uniqueId }) => uniqueId)
  expect(sent).toEqual(['z1', 'z1_p'])
  const left = await server.database.db.execute(sql`
    select distinct status, payload is null as emptied from outbox`)
  expect([...left]).toEqual([{ status: 'sent', emptied: true }])
})
