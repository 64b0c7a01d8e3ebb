/** In charge of showing that a person who is erased is gone from every table, whatever goes on meanwhile, and that their trade stays. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { type RunningSandbox, startSandbox } from '../../src/sandbox/listen.ts'
import { type HeldKlaviyo, holdAnswers } from '../commands/held-klaviyo.ts'
import { startTestServer, type TestServer } from '../server.ts'

let sandbox: RunningSandbox
let klaviyo: HeldKlaviyo
let server: TestServer
beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  klaviyo = await holdAnswers(sandbox.url)
  const settings = readConfig({ KLAVIYO_API_KEY: 'pk_test', KLAVIYO_URL: klaviyo.url })
  server = await startTestServer({ klaviyo: settings.klaviyo })
  await server.ask('PUT', '/v1/stores/1212', { title: 'Boston' })
})
afterAll(async () => {
  klaviyo.release()
  await server.stop()
  await klaviyo.stop()
  await sandbox.stop()
})

const ada = {
  email: 'ada@klaviyo-demo.com',
  phone_number: '+16175550123',
  first_name: 'Ada',
  last_name: 'Lovelace',
  address1: '12 Analytical Row',
}
const orderOf = (customer: object) => ({
  total: 10,
  store_id: '1212',
  customer,
  items: [{ product_id: 'p', sku: 's', item_price: 10 }],
  billing_address: { first_name: 'Ada', last_name: 'Lovelace', phone: '+16175550123' },
  shipping_address: { address1: '12 Analytical Row' },
  metadata: { note: 'Ring at Lovelace' },
})
const erase = (id: string) => server.ask('DELETE', `/v1/customers/${id}`)
const messagesOf = (orderId: string) =>
  server.database.db.execute<{ status: string; payload: unknown; error: string | null }>(
    sql`select status, payload, error from outbox where order_id = ${orderId} order by id`,
  )

/** The tables in which any row still says something of the person. */
async function traces(...words: string[]): Promise<string[]> {
  const { db } = server.database
  const tables = await db.execute<{ name: string }>(sql`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`)
  expect(tables.length).toBeGreaterThan(12)
  const found: string[] = []
  for (const { name } of tables) {
    const patterns = words.map((word) => sql`t::text ilike ${`%${word}%`}`)
    const rows = await db.execute(
      sql`select from ${sql.identifier(name)} t where ${sql.join(patterns, sql` or `)} limit 1`,
    )
    if (rows.length > 0) found.push(name)
  }
  return found
}
const adasWords = ['ada@klaviyo', '6175550123', 'lovelace', 'analytical row']

test('what a sender has in hands is waited for and emptied, what waits is never sent', async () => {
  await server.ask('PUT', '/v1/orders/o1', orderOf({ id: 'ada', ...ada }))
  await klaviyo.recorded
  await server.ask('POST', '/v1/orders/o1/refunds', { id: 'r1', reason: 'Lovelace asked' })
  await server.ask('POST', '/v1/visits', { customer: { id: 'ada' }, store_id: '1212' })
  expect(await traces(...adasWords)).toEqual(expect.arrayContaining(['customers', 'orders']))

  const erased = erase('ada')
  await server.database.db.execute(sql`select pg_sleep(0.2)`)
  klaviyo.release()
  expect((await erased).status).toBe(204)

  expect(await traces(...adasWords)).toEqual([])
  const sent = { status: 'sent', payload: null, error: null }
  const discarded = { status: 'discarded', payload: null, error: 'The customer was erased.' }
  expect([...(await messagesOf('o1'))].sort(byStatus)).toEqual([discarded, sent, sent])
  const { body } = await server.ask('GET', '/v1/orders/o1')
  expect(body).toMatchObject({
    customer_id: null,
    total: 10,
    store_id: '1212',
    billing_address: null,
    shipping_address: null,
    metadata: {},
    items: [{ product_id: 'p' }],
    updates: [{ id: 'r1', kind: 'refunded', reason: null }],
  })
})

const byStatus = (one: { status: string }, other: { status: string }) =>
  one.status < other.status ? -1 : 1

test('who is erased is not there any more, and the same order again brings nobody back', async () => {
  expect((await erase('ada')).status).toBe(404)
  expect((await server.ask('GET', '/v1/customers/ada')).status).toBe(404)
  const again = await server.ask('PUT', '/v1/orders/o1', orderOf({ id: 'ada', ...ada }))
  expect([again.status, again.body]).toEqual([200, expect.objectContaining({ customer_id: null })])
  expect(await traces(...adasWords)).toEqual([])
})

test('what comes later of an erased order cannot be sent, and says why', async () => {
  await server.ask('POST', '/v1/orders/o1/refunds', { id: 'r2', value: 1 })
  await expect
    .poll(async () => (await messagesOf('o1')).map(({ status }) => status).sort())
    .toEqual(['discarded', 'sent', 'sent', 'unsendable'])
})

test('a later order of the same person begins with a new customer', async () => {
  await server.ask('PUT', '/v1/orders/o2', orderOf({ email: ada.email }))
  const { body } = await server.ask('GET', '/v1/orders/o2')
  const { customer_id } = body as { customer_id: string }
  expect(customer_id).toMatch(/^storefeed-/)
  expect((await erase(customer_id)).status).toBe(204)
  expect(await traces(...adasWords)).toEqual([])
})

test('of two that erase at once, one does', async () => {
  await server.ask('PUT', '/v1/customers/twice', { email: 'twice@klaviyo-demo.com' })
  const answers = await Promise.all([erase('twice'), erase('twice')])
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 404])
})

/** Bob is written in all ways there are while he is erased again and again; then once more in peace. */
test('orders, visits and edits that come at the same moment are erased with the person or make a new one', async () => {
  const bob = { email: 'bob@klaviyo-demo.com', phone_number: '+16175550199', last_name: 'Bobbin' }
  const statuses = new Set<number>()
  for (let round = 0; round < 15; round++) {
    const answers = await Promise.all([
      server.ask('PUT', `/v1/orders/b${round}`, orderOf({ id: 'bob', ...bob })),
      server.ask('PUT', `/v1/orders/bare${round}`, orderOf({ id: 'bob' })),
      erase('bob'),
      server.ask('POST', '/v1/visits', { customer: { id: 'bob' }, store_id: '1212' }),
      server.ask('PUT', '/v1/customers/bob', { ...bob, first_name: `Bob ${round}` }),
      server.ask('POST', `/v1/orders/b${round - 1}/refunds`, { id: 'r' }),
      erase('bob'),
    ])
    for (const { status } of answers) statuses.add(status)
  }
  expect([...statuses].filter((status) => status >= 500 || status === 422)).toEqual([])
  await server.ask('PUT', '/v1/customers/bob', bob)
  expect((await erase('bob')).status).toBe(204)
  const kept = await server.database.db.execute(sql`select from orders where id ~ '^b'`)
  expect(kept.length).toBe(30)
  expect(await traces('bob@klaviyo', '6175550199', 'bobbin')).toEqual([])
})
