/** After a customer is erased no table holds anything about them, and nothing brings them back. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createFaultInjector } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { enqueueBackfill } from '../../src/outbox/backfill.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { tracesOf } from '../support/traces.ts'

let server: TestServer
let sandbox: RunningSandbox

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  const { klaviyo } = readConfig({ KLAVIYO_API_KEY: 'pk_test', KLAVIYO_URL: sandbox.url })
  server = await startTestServer({ klaviyo })
  for (const id of ['1212', '1313']) await server.ask('PUT', `/v1/stores/${id}`, { title: id })
})
afterAll(async () => {
  await server.stop()
  await sandbox.stop()
})

const zenobia = {
  id: 'zq-1',
  email: 'zq@klaviyo-demo.com',
  phone_number: '+16175550177',
  first_name: 'Zenobia',
  last_name: 'Quixworth',
  address1: '7 Whistling Lane',
  metadata: { nickname: 'Zeno' },
}
const words = ['zq-1', 'zq@', '5550177', 'zeno', 'quixworth', 'whistling']
const address = { first_name: 'Zenobia', last_name: 'Quixworth', address1: '7 Whistling Lane' }

const order = (customer: object) => ({
  placed_at: new Date().toISOString(),
  store_id: '1212',
  total: 12.5,
  customer,
  billing_address: address,
  shipping_address: address,
  discount_code: 'ZENOBIA10',
  discount_value: 1,
  metadata: { GiftNote: 'For Zenobia' },
  items: [{ product_id: 'p', sku: 's', product_name: 'Ladle', item_price: 12.5 }],
})
const refund = { id: 'r1', reason: 'Zenobia changed her mind', value: 2 }
const shipment = { id: 'f1', tracking_number: 'ZENO-1', tracking_company: 'UPS' }

async function messages(where: ReturnType<typeof sql>) {
  const rows = await server.database.db.execute<{ entry: string }>(
    sql`select metric || ' ' || status as entry from outbox where ${where} order by id`,
  )
  return rows.map(({ entry }) => entry)
}
const waiting = () => messages(sql`status = 'pending'`)

const seen = () => sandbox.state.account.eventLog.entries.length

test('who is erased is in no table; their orders stay, and messages that were sent without their content', async () => {
  const { db } = server.database
  await server.ask('PUT', '/v1/orders/z1', order(zenobia))
  await server.ask('POST', '/v1/orders/z1/fulfillments', shipment)
  await server.ask('POST', '/v1/visits', { customer: zenobia, store_id: '1313' })
  await expect.poll(waiting).toEqual([])
  sandbox.state.faultInjector = createFaultInjector({ bad: { ids: ['z2'] } })
  await server.ask('PUT', '/v1/orders/z2', order(zenobia))
  await server.ask('POST', '/v1/orders/z2/refunds', refund)
  await expect.poll(waiting).toEqual([])
  expect(await messages(sql`order_id = 'z2'`)).toContain('placed_order failed')
  await db.execute(sql`update outbox set status = 'pending', next_at = now() + interval '1 hour', settled_at = null
    where order_id = 'z2' and metric = 'refunded_order'`)
  await db.execute(
    sql`update outbox set error = 'no Zenobia', warnings = '[{"detail":"zq@klaviyo-demo.com is bad"}]' where order_id = 'z1'`,
  )
  expect((await tracesOf(db, words)).length).toBeGreaterThan(10)

  expect((await server.ask('DELETE', '/v1/customers/zq-1')).status).toBe(204)
  expect(await tracesOf(db, words)).toEqual([])
  expect((await server.ask('GET', '/v1/customers/zq-1')).status).toBe(404)
  expect(await messages(sql`order_id in ('z1', 'z2')`)).toEqual([
    'placed_order sent',
    'ordered_product sent',
    'fulfilled_order sent',
    'ordered_product sent',
  ])
  expect((await server.ask('GET', '/v1/orders/z1')).body).toMatchObject({
    customer_id: null,
    billing_address: null,
    shipping_address: null,
    discount_code: null,
    discount_value: 1,
    metadata: {},
    erased_at: expect.any(String),
    store_id: '1212',
    total: 12.5,
    items: [{ line: 1, product_id: 'p', product_name: 'Ladle', item_price: 12.5 }],
    updates: [{ id: 'f1', kind: 'fulfilled', tracking_number: null, tracking_company: 'UPS' }],
  })
  const list = await server.ask('GET', '/v1/orders?store_id=1212')
  expect(list.body).toMatchObject({ orders: [{ id: 'z1' }, { id: 'z2', customer_id: null }] })
})

test('erasing again finds nobody', async () => {
  expect((await server.ask('DELETE', '/v1/customers/zq-1')).status).toBe(404)
  expect((await server.ask('DELETE', '/v1/customers/nobody')).status).toBe(404)
})

test('a repeat of what was recorded changes nothing and brings nobody back', async () => {
  const repeats = [
    await server.ask('PUT', '/v1/orders/z1', order(zenobia)),
    await server.ask('PUT', '/v1/orders/z2', order({ ...zenobia, first_name: 'Zenobia II' })),
    await server.ask('POST', '/v1/orders/z1/fulfillments', shipment),
    await server.ask('POST', '/v1/orders/z2/refunds', refund),
  ]
  expect(repeats.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(await tracesOf(server.database.db, words)).toEqual([])
})

test('nothing more is sent of their orders: not by an update, a retry, a backfill, nor after a restore', async () => {
  const { db } = server.database
  const before = seen()
  const late = { id: 'late', value: 1 }
  expect((await server.ask('POST', '/v1/orders/z1/refunds', late)).status).toBe(201)
  expect((await server.ask('POST', '/v1/orders/z1/refunds', late)).status).toBe(200)
  expect((await server.ask('POST', '/v1/orders/z1/refunds', { ...late, value: 2 })).status).toBe(
    409,
  )
  expect((await server.ask('POST', '/v1/events/retry')).body).toMatchObject({ retried: 0 })
  const everywhereElse = 'http://another.klaviyo'
  for await (const done of enqueueBackfill(db, { from: null, to: null }, everywhereElse))
    expect(done).toEqual({ orders: 0, messages: 0 })
  await db.execute(sql`delete from outbox where order_id = 'z1'`)
  await db.execute(sql`select outbox_enqueue_missing(array['z1', 'z2'], true)`)
  expect(await messages(sql`order_id = 'z1' or status <> 'sent'`)).toEqual([])
  expect(seen()).toBe(before)
})

test('who orders again with the same e-mail is a new customer', async () => {
  const idOf = async (orderId: string) => {
    const { body } = await server.ask('GET', `/v1/orders/${orderId}`)
    return (body as { customer_id: string | null }).customer_id
  }
  const customer = { email: 'again@klaviyo-demo.com' }
  await server.ask('PUT', '/v1/orders/a1', { total: 1, customer })
  const first = await idOf('a1')
  expect((await server.ask('DELETE', `/v1/customers/${first}`)).status).toBe(204)
  expect((await server.ask('PUT', '/v1/orders/a2', { total: 1, customer })).status).toBe(201)
  const second = await idOf('a2')
  expect(second).toMatch(/^storefeed-/)
  expect(second).not.toBe(first)
  expect(await idOf('a1')).toBeNull()
  await expect.poll(() => messages(sql`order_id = 'a2'`)).toEqual(['placed_order sent'])
})

test('other people, and their messages, stay as they are', async () => {
  for (const name of ['kim', 'lee']) {
    const customer = { id: name, email: `${name}@klaviyo-demo.com`, first_name: name }
    const kept = { billing_address: { first_name: name }, shipping_address: { first_name: name } }
    await server.ask('PUT', `/v1/orders/${name}-1`, {
      ...order(customer),
      discount_code: 'TEN',
      metadata: {},
      ...kept,
    })
  }
  await expect.poll(waiting).toEqual([])
  const rows = () =>
    server.database.db.execute(sql`
      select row_to_json(o) as o, row_to_json(c) as c, m.id, m.payload, m.warnings, m.status from orders o
      join customers c on c.id = o.customer_id join outbox m on m.order_id = o.id where o.id = 'kim-1' order by m.id`)
  const before = [...(await rows())]
  expect(before).toHaveLength(2)
  expect((await server.ask('DELETE', '/v1/customers/lee')).status).toBe(204)
  expect([...(await rows())]).toEqual(before)
})

test('a message under an id that was replaced while it was being sent is erased with the customer', async () => {
  const { db } = server.database
  const visit = { customer: { email: 'zq@klaviyo-demo.com' }, store_id: '1212' }
  await server.ask('POST', '/v1/visits', visit)
  await expect.poll(waiting).toEqual([])
  // As a sender does: it locks the message while the customer gets the merchant's own id.
  await db.transaction(async (tx) => {
    await tx.execute(
      sql`select from outbox where payload::text like '%zq@%' and customer_id like 'storefeed-%' for update`,
    )
    const { id, ...customer } = zenobia
    expect((await server.ask('PUT', `/v1/customers/${id}`, customer)).status).toBe(200)
  })
  await expect.poll(waiting).toEqual([])
  const orphans = sql`customer_id like 'storefeed-%' and payload::text like '%zq@%'`
  expect(await messages(orphans)).toHaveLength(2)
  expect((await server.ask('DELETE', '/v1/customers/zq-1')).status).toBe(204)
  expect(await tracesOf(db, words)).toEqual([])
})

/** In whichever encoding, case and form; each is an import of people. */
const naming: [string, string, Buffer | string][] = [
  ['an e-mail', 'customers', 'id,email\nx,ZQ@Klaviyo-Demo.com\n'],
  [
    'an e-mail in UTF-16',
    'customers',
    Buffer.from('\ufeffid,email\nx,zq@klaviyo-demo.com\n', 'utf16le'),
  ],
  ['a telephone', 'customers', 'id,phone_number\nx,(617) 555-0177\n'],
  ['an id', 'visits', 'customer_id,store_id\nzq-1,1212\n'],
  [
    'an e-mail of a rejected row',
    'orders',
    'id,customer_email,total\n1,zq@klaviyo-demo.com,many\n',
  ],
]
const others: [string, string][] = [
  ['customers', 'id,email\nzq-12,kim@klaviyo-demo.com\n'],
  ['products', 'id,title\nzq-1,zq@klaviyo-demo.com\n'],
]
const addImport = async (kind: string, content: Buffer | string) => {
  const url = `${server.url}/v1/imports?kind=${kind}`
  const headers = { Authorization: `Bearer ${server.key}`, 'Content-Type': 'text/csv' }
  return Object(await (await fetch(url, { method: 'POST', headers, body: content })).json()).id
}
const keptImports = async () =>
  Object((await server.ask('GET', '/v1/imports')).body).imports.map(({ id }: { id: string }) => id)

test('kept imports that hold the customer are removed with them, others stay', async () => {
  const { id, ...customer } = zenobia
  await server.ask('PUT', `/v1/customers/${id}`, customer)
  const stay: string[] = []
  for (const [kind, content] of others) stay.push(await addImport(kind, content))
  for (const [what, kind, content] of naming) {
    const added = await addImport(kind, content)
    expect([what, (await keptImports()).includes(added)]).toEqual([what, true])
  }
  const applied = await addImport('customers', 'id,first_name\nkim-9,Kim\nzq-1,Zenobia,more\n')
  await server.ask('POST', `/v1/imports/${applied}/apply`)
  expect((await server.ask('DELETE', `/v1/customers/${id}`)).status).toBe(204)
  expect(new Set(await keptImports())).toEqual(new Set(stay))
  for (const one of stay) await server.ask('DELETE', `/v1/imports/${one}`)
})

test('an import that is being applied and names the customer is in the way', async () => {
  const { db } = server.database
  const { id, ...customer } = zenobia
  await server.ask('PUT', `/v1/customers/${id}`, customer)
  const added = await addImport('customers', 'id,email\nx,zq@klaviyo-demo.com\n')
  await db.execute(
    sql`update imports set status = 'applying', touched_at = now() where id = ${added}`,
  )
  const refused = await server.ask('DELETE', `/v1/customers/${id}`)
  expect([refused.status, refused.body]).toMatchObject([
    409,
    { detail: expect.stringContaining('is being applied') },
  ])
  expect((await server.ask('GET', `/v1/customers/${id}`)).status).toBe(200)
  await db.execute(
    sql`update imports set touched_at = now() - interval '2 minutes' where id = ${added}`,
  )
  expect((await server.ask('DELETE', `/v1/customers/${id}`)).status).toBe(204)
  expect(await keptImports()).toEqual([])
})

test('plain SQL erases by the same function, and an id may be an e-mail', async () => {
  const { db } = server.database
  const { id, ...customer } = zenobia
  await server.ask('PUT', '/v1/customers/zq@klaviyo-demo.com', customer)
  expect([
    ...(await db.execute(sql`select customers_erase('zq@klaviyo-demo.com') as erased`)),
  ]).toEqual([{ erased: true }])
  expect(await tracesOf(db, words)).toEqual([])
  await server.ask('PUT', '/v1/customers/zq@klaviyo-demo.com', customer)
  await expect.poll(waiting).toEqual([])
  const answer = await server.ask('DELETE', '/v1/customers/zq%40klaviyo-demo.com')
  expect(answer.status).toBe(204)
  expect(await tracesOf(db, words)).toEqual([])
})
