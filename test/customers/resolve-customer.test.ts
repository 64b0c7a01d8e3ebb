/** Which customer is matched when one known by e-mail returns with the merchant's own id; no order is rejected over it. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { heldTogether, untilWaiting } from '../support/lock-waits.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
  for (const id of ['1212', '1313']) await server.ask('PUT', `/v1/stores/${id}`, { title: id })
})
afterAll(() => server.stop())

const buy = (id: string, customer: object) =>
  server.ask('PUT', `/v1/orders/${id}`, {
    total: 10,
    customer,
    items: [{ product_id: 'p', item_price: 10 }],
  })

const visit = (customer: object, store_id: string, at: string) =>
  server.ask('POST', '/v1/visits', { customer, store_id, at })

async function customersOf(...orderIds: string[]): Promise<unknown[]> {
  const answers = await Promise.all(orderIds.map((id) => server.ask('GET', `/v1/orders/${id}`)))
  return answers.map(({ body }) => (body as { customer_id: unknown }).customer_id)
}

async function countByEmail(email: string): Promise<number> {
  const rows = await server.database.db.execute(
    sql`select from customers where lower(email) = ${email}`,
  )
  return rows.length
}

test('who was known by e-mail only takes the merchant’s id, with orders, visits and messages', async () => {
  const email = 'first@klaviyo-demo.com'
  await buy('a1', { email, first_name: 'Jo' })
  await visit({ email }, '1212', '2025-01-01T10:00:00Z')
  const [before] = await customersOf('a1')
  expect((await buy('a2', { id: 'm-a', email: 'FIRST@klaviyo-demo.com' })).status).toBe(201)
  expect(await customersOf('a1', 'a2')).toEqual(['m-a', 'm-a'])
  expect((await server.ask('GET', '/v1/customers/m-a')).body).toMatchObject({
    first_name: 'Jo',
    most_recent_store_id: '1212',
  })
  const sent = await server.database.db.execute(
    sql`select distinct customer_id from outbox where customer_id in (${before}, 'm-a')`,
  )
  expect([...sent]).toEqual([{ customer_id: 'm-a' }])
})

test('the order that came without the id may be repeated as it was', async () => {
  const email = 'again@klaviyo-demo.com'
  await buy('b1', { email })
  await buy('b2', { id: 'm-b', email })
  expect((await buy('b1', { email })).status).toBe(200)
  expect(await customersOf('b1')).toEqual(['m-b'])
})

test('if the merchant’s id is known already, the two become one', async () => {
  const email = 'two@klaviyo-demo.com'
  await buy('c1', { id: 'm-c', phone_number: '617 555 0100' })
  await visit({ id: 'm-c' }, '1212', '2025-01-01T10:00:00Z')
  await buy('c2', { email, first_name: 'Jo' })
  await visit({ email }, '1212', '2025-01-01T10:00:00Z')
  await visit({ email }, '1313', '2025-02-01T10:00:00Z')
  expect((await buy('c3', { id: 'm-c', email })).status).toBe(201)
  expect(await customersOf('c1', 'c2', 'c3')).toEqual(['m-c', 'm-c', 'm-c'])
  expect((await server.ask('GET', '/v1/customers/m-c')).body).toMatchObject({
    email,
    phone_number: '617 555 0100',
    first_name: 'Jo',
    most_recent_store_id: '1313',
  })
})

test.each([
  ['before', 'none'],
  ['after', 'gold'],
])(
  'of two that become one, all metadata stay; where both have a key, the newer counts (made %s: %s)',
  async (made, tier) => {
    const email = `meta-${made}@klaviyo-demo.com`
    const id = `m-meta-${made}`
    const known = () => buy(`${id}-1`, { id, metadata: { tier: 'gold', shoe: 9 } })
    const stranger = () => buy(`${id}-2`, { email, metadata: { tier: 'none', hat: 7 } })
    for (const come of made === 'before' ? [known, stranger] : [stranger, known]) await come()
    expect((await buy(`${id}-3`, { id, email })).status).toBe(201)
    expect((await server.ask('GET', `/v1/customers/${id}`)).body).toMatchObject({
      metadata: { tier, shoe: 9, hat: 7 },
    })
    expect(await countByEmail(email)).toBe(1)
  },
)

test.each([
  ['e-mail', { email: 'new@klaviyo-demo.com' }],
  ['telephone', { phone_number: '617 555 0142' }],
])('two orders at once of a new %s are of one customer', async (what, customer) => {
  const ids = [`new-${what}-1`, `new-${what}-2`]
  const answers = await heldTogether(
    server.database.db,
    sql`lock table customers in share mode`,
    ids.map((id) => () => buy(id, customer)),
  )
  expect(answers.map(({ status }) => status)).toEqual([201, 201])
  const [one, two] = await customersOf(...ids)
  expect(one).toMatch(/^storefeed-/)
  expect(two).toBe(one)
})

test('an e-mail of a customer with another id of the merchant’s: the order is theirs, and is not rejected', async () => {
  const email = 'shared@klaviyo-demo.com'
  await buy('d1', { id: 'm-d', email })
  expect((await buy('d2', { id: 'm-other', email })).status).toBe(201)
  expect(await customersOf('d1', 'd2')).toEqual(['m-d', 'm-d'])
})

test('orders with and without the id that come at once are of one customer, and all are recorded', async () => {
  for (let round = 0; round < 5; round++) {
    const email = `at-once-${round}@klaviyo-demo.com`
    const ids = [0, 1, 2, 3, 4, 5].map((place) => `e${round}-${place}`)
    const answers = await Promise.all(
      ids.map((id, place) => buy(id, place % 2 ? { id: `m-e${round}`, email } : { email })),
    )
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 201))
    expect(new Set(await customersOf(...ids))).toEqual(new Set([`m-e${round}`]))
    expect(await countByEmail(email)).toBe(1)
  }
})

test('a customer that plain SQL makes at the same time costs no order either', async () => {
  const email = 'plain@klaviyo-demo.com'
  const ordered = await server.database.db.transaction(async (tx) => {
    await tx.execute(sql`insert into customers (id, email) values ('m-f', ${email})`)
    const buying = buy('f1', { email })
    await untilWaiting(server.database.db, 1)
    return { buying }
  })
  expect((await ordered.buying).status).toBe(201)
  expect(await customersOf('f1')).toEqual(['m-f'])
})
