import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { readConfig } from '../../src/config.ts'
import { createFaultInjector } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let sandbox: RunningSandbox

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  const { klaviyo } = readConfig({ KLAVIYO_API_KEY: 'pk_test', KLAVIYO_URL: sandbox.url })
  server = await startTestServer({ klaviyo })
})
afterAll(async () => {
  await server.stop()
  await sandbox.stop()
})

const order = (email: string) => ({
  total: 10,
  customer: { email },
  items: [{ product_id: 'p', sku: 's', item_price: 10 }],
})
const page = z.object({
  events: z.array(z.looseObject({ id: z.number(), status: z.string(), unique_id: z.string() })),
  next_cursor: z.string().nullable(),
})

async function events(query: string) {
  const { body } = await server.ask('GET', `/v1/events?${query}`)
  return page.parse(body).events
}

test('an order is sent as soon as it is written, and its messages show what was sent', async () => {
  await server.ask('PUT', '/v1/orders/o1', order('o1@klaviyo-demo.com'))
  await expect.poll(() => events('order_id=o1&status=sent')).toHaveLength(2)
  const [item, placed] = await events('order_id=o1')
  expect(placed).toMatchObject({
    metric: 'placed_order',
    unique_id: 'o1',
    attempts: 1,
    warnings: [{ code: 'unknown_product', field: 'items.1.product_id' }],
    error: null,
    sent_to: sandbox.url,
    payload: { data: { attributes: { unique_id: 'o1', value: 10 } } },
  })
  expect(item).toMatchObject({ metric: 'ordered_product', unique_id: 'o1_s' })
  expect(sandbox.state.account.eventLog.entries.map(({ uniqueId }) => uniqueId)).toEqual([
    'o1',
    'o1_s',
  ])
})

test('a message that Klaviyo rejected has failed with its reason, and a retry sends it under its own id', async () => {
  sandbox.state.faultInjector = createFaultInjector({ bad: { ids: ['o2', 'o3'] } })
  await server.ask('PUT', '/v1/orders/o2', order('o2@klaviyo-demo.com'))
  await server.ask('PUT', '/v1/orders/o3', order('o3@klaviyo-demo.com'))
  await expect.poll(() => events('status=failed')).toHaveLength(2)
  const [, failed] = await events('status=failed')
  expect(failed).toMatchObject({ unique_id: 'o2', error: expect.stringContaining('reject') })
  sandbox.state.faultInjector = createFaultInjector({})
  expect((await server.ask('POST', `/v1/events/${failed?.id}/retry`)).status).toBe(200)
  await expect.poll(() => events('order_id=o2&status=sent')).toHaveLength(2)
  expect((await server.ask('POST', '/v1/events/retry')).body).toMatchObject({ retried: 1 })
  await expect.poll(() => events('order_id=o3&status=sent')).toHaveLength(2)
})

test('what is sent can be neither retried nor discarded', async () => {
  const [sent] = await events('order_id=o1')
  expect((await server.ask('POST', `/v1/events/${sent?.id}/retry`)).status).toBe(409)
  expect((await server.ask('POST', `/v1/events/${sent?.id}/discard`)).status).toBe(409)
  expect((await server.ask('POST', '/v1/events/999999/retry')).status).toBe(404)
})

test('a message without an identifier is unsendable until the customer has one', async () => {
  const lost = { ...order('nobody'), customer: { id: 'c4', email: 'nobody' } }
  await server.ask('PUT', '/v1/orders/o4', lost)
  await expect.poll(() => events('order_id=o4&status=unsendable')).toHaveLength(2)
  await server.ask('PUT', '/v1/customers/c4', { email: 'c4@klaviyo-demo.com' })
  for (const { id } of await events('order_id=o4'))
    await server.ask('POST', `/v1/events/${id}/retry`)
  await expect.poll(() => events('order_id=o4&status=sent')).toHaveLength(2)
})

test('what is discarded is never sent', async () => {
  sandbox.state.faultInjector = createFaultInjector({ bad: { ids: ['o5'] } })
  await server.ask('PUT', '/v1/orders/o5', order('o5@klaviyo-demo.com'))
  await expect.poll(() => events('order_id=o5&status=failed')).toHaveLength(1)
  const [failed] = await events('order_id=o5&status=failed')
  const { body } = await server.ask('POST', `/v1/events/${failed?.id}/discard`)
  expect(body).toMatchObject({ status: 'discarded' })
  sandbox.state.faultInjector = createFaultInjector({})
  expect((await server.ask('POST', '/v1/events/retry')).body).toMatchObject({ retried: 0 })
})

test('messages come newest first, page by page', async () => {
  const first = page.parse((await server.ask('GET', '/v1/events?limit=3')).body)
  const next = await server.ask('GET', `/v1/events?limit=3&cursor=${first.next_cursor}`)
  const ids = [...first.events, ...page.parse(next.body).events].map(({ id }) => id)
  expect(ids).toEqual([...ids].sort((a, b) => b - a))
  const [row] = await server.database.db.execute(sql`select max(id)::int as newest from outbox`)
  expect(ids[0]).toBe(row?.newest)
})
