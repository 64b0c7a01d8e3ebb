/** What an order or a visit does not say of its customer empties nothing. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { said } from '../../src/customers/said.ts'
import { usableEmail } from '../../src/klaviyo/mapping/identifiers.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Way, ways } from './ways-in.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('PUT', '/v1/stores/market', { title: 'Market' })
})
afterAll(() => server.stop())

let last = 0
const newId = () => `k${++last}`

const known = (id: string) => ({
  email: `${id}@klaviyo-demo.com`,
  phone_number: '+1 617 555 0100',
  first_name: 'Anna',
  city: 'Boston',
  metadata: { tier: 'gold' },
})

async function customer(id: string): Promise<Record<string, unknown>> {
  const { body } = await server.ask('GET', `/v1/customers/${id}`)
  return body as Record<string, unknown>
}

const leftOut = (field: string, value: string, why = 'it cannot be used') => ({
  code: 'left_out',
  field: `customer.${field}`,
  detail: `${field} "${value}" left out: ${why}`,
})

const everyWay: [string, Way][] = Object.entries(ways)
const unsaid = [null, '', ' ', 'n/a', 'N/A', '#N/A', 'n.a.', '-', '--']

test.each(everyWay)('null, blank and n/a in %s leave all that is known', async (_, say) => {
  const id = newId()
  await server.ask('PUT', `/v1/customers/${id}`, known(id))
  for (const [index, value] of unsaid.entries()) {
    const fields = { email: value, phone_number: value, first_name: value, city: value }
    await say(server, { id: `${id}-${index}`, customer: { id, ...fields } })
    expect(await customer(id)).toMatchObject(known(id))
  }
})

test.each(everyWay)(
  'an e-mail or telephone in %s that cannot be used takes the place of none that can, and is told',
  async (_, say) => {
    const id = newId()
    await server.ask('PUT', `/v1/customers/${id}`, known(id))
    for (const [email, phone_number] of [
      ['anna@@x', '123'],
      ['anna', 'none'],
      ['anna@klaviyo-demo', '+1 555 0100'],
      ['a b@klaviyo-demo.com', '0000000000'],
    ]) {
      await say(server, { id: newId(), customer: { id, email, phone_number } })
      const kept = await customer(id)
      expect(kept).toMatchObject(known(id))
      expect(kept.warnings).toEqual([
        {
          code: 'left_out',
          field: 'customer.email',
          detail: expect.stringMatching(/^email "a\*\*\*.*" left out: it cannot be used$/),
        },
        {
          code: 'left_out',
          field: 'customer.phone_number',
          detail: expect.stringMatching(/^phone_number "\*\*\*.*" left out: it cannot be used$/),
        },
      ])
    }
  },
)

test.each(everyWay)('one that can be used takes the place of one that cannot', async (_, say) => {
  const id = newId()
  await say(server, { id: newId(), customer: { id, email: `${id}@@x`, phone_number: '123' } })
  expect(await customer(id)).toMatchObject({ email: `${id}@@x`, phone_number: '123' })
  const { email, phone_number } = known(id)
  // Older, and yet the better one.
  await say(server, {
    id: newId(),
    customer: { id, email, phone_number },
    at: '2024-01-01T10:00:00Z',
  })
  expect(await customer(id)).toMatchObject({ email, phone_number, warnings: [] })
})

test('the order’s answer, its message and the order as it is read later tell what was left out', async () => {
  const id = newId()
  await server.ask('PUT', `/v1/customers/${id}`, known(id))
  const placed = await server.ask('PUT', `/v1/orders/${id}`, {
    total: 10,
    customer: { id, email: 'anna@@x', phone_number: 'n/a', first_name: null },
  })
  const warnings = [leftOut('phone_number', 'n/a', 'it says nothing'), leftOut('email', 'a***@@x')]
  expect(placed.body).toMatchObject({ warnings })
  expect((await server.ask('GET', `/v1/orders/${id}`)).body).toMatchObject({ warnings })
  const { body } = await server.ask('GET', `/v1/events?order_id=${id}&metric=placed_order`)
  expect(body).toMatchObject({ events: [{ warnings }] })
  const filtered = await server.ask('GET', '/v1/events?with_warnings=true')
  expect(filtered.body).toMatchObject({
    events: expect.arrayContaining([expect.objectContaining({ order_id: id, warnings })]),
  })
})

test('a visit’s answer and its message tell what was left out', async () => {
  const id = newId()
  await server.ask('PUT', `/v1/customers/${id}`, known(id))
  const visit = { customer: { id, email: 'anna@@x' }, store_id: 'market' }
  const warnings = [leftOut('email', 'a***@@x')]
  expect((await server.ask('POST', '/v1/visits', visit)).body).toMatchObject({ warnings })
  const { body } = await server.ask('GET', `/v1/events?customer_id=${id}&limit=1`)
  expect(body).toMatchObject({ events: [{ ref: 'visit', warnings }] })
})

test('an order by SQL has the warnings of the customer that its transaction wrote, and of no other', async () => {
  const id = newId()
  await server.ask('PUT', `/v1/customers/${id}`, known(id))
  const [first, second] = [newId(), newId()]
  await ways['an order by SQL'](server, { id: first, customer: { id, email: 'anna@@x' } })
  await server.database.db.execute(
    sql`insert into orders (id, customer_id, currency, total) values (${second}, ${id}, 'USD', 1)`,
  )
  const [told, untold] = [first, second].map((order) => server.ask('GET', `/v1/orders/${order}`))
  expect((await told)?.body).toMatchObject({
    warnings: [leftOut('email', 'a***@@x')],
  })
  expect((await untold)?.body).toMatchObject({ warnings: [] })
})

test('an erased customer leaves no warning behind', async () => {
  const id = newId()
  await server.ask('PUT', `/v1/orders/${id}`, { total: 10, customer: { id, email: 'anna@@x' } })
  await server.ask('DELETE', `/v1/customers/${id}`)
  expect((await server.ask('GET', `/v1/orders/${id}`)).body).toMatchObject({ warnings: [] })
})

test('PUT and PATCH of the customer empty, and what they emptied older facts do not fill again', async () => {
  const id = newId()
  await server.ask('PUT', `/v1/customers/${id}`, known(id))
  const emptied = { phone_number: null, city: null, metadata: { tier: null, shoe: 9 } }
  const patched = await server.ask('PATCH', `/v1/customers/${id}`, emptied)
  expect(patched.body).toMatchObject({
    ...known(id),
    phone_number: null,
    city: null,
    metadata: { shoe: 9 },
  })
  const { email } = known(id)
  const put = await server.ask('PUT', `/v1/customers/${id}`, { email, first_name: 'n/a' })
  const state = { email, phone_number: null, first_name: null, city: null, metadata: {} }
  expect(put.body).toMatchObject(state)
  const late = { customer: { id, ...known(id) }, placed_at: '2024-01-01T10:00:00Z', total: 1 }
  await server.ask('PUT', `/v1/orders/${id}`, late)
  expect(await customer(id)).toMatchObject(state)
})

test('PATCH leaves out what it does not name; of an unknown customer it is a 404', async () => {
  const id = newId()
  await server.ask('PUT', `/v1/customers/${id}`, known(id))
  expect((await server.ask('PATCH', `/v1/customers/${id}`, {})).body).toMatchObject(known(id))
  const patched = await server.ask('PATCH', `/v1/customers/${id}`, { first_name: 'Ann' })
  expect(patched.body).toMatchObject({ ...known(id), first_name: 'Ann' })
  expect((await server.ask('PATCH', '/v1/customers/nobody', { city: 'X' })).status).toBe(404)
  const taken = await server.ask('PATCH', `/v1/customers/${id}`, {
    email: `${id}@KLAVIYO-demo.com`,
  })
  expect(taken.status).toBe(200)
})

test('plain SQL edits by UPDATE: null empties', async () => {
  const id = newId()
  await server.ask('PUT', `/v1/customers/${id}`, known(id))
  await server.database.db.execute(
    sql`update customers set city = null, first_name = 'n/a' where id = ${id}`,
  )
  expect(await customer(id)).toMatchObject({ ...known(id), city: null })
})

test('an e-mail that cannot be used makes no two customers one, and fails no order', async () => {
  const [one, two] = [newId(), newId()]
  for (const id of [one, two])
    await ways['an order by REST'](server, { id, customer: { id, email: 'none' } })
  expect(await customer(one)).toMatchObject({ email: 'none' })
  expect(await customer(two)).toMatchObject({
    email: null,
    warnings: [leftOut('email', 'n***')],
  })
})

test('the server and the database agree what says nothing, and which e-mail can be used', async () => {
  const texts = [
    '',
    ' ',
    'n/a',
    'N/A ',
    '#n/a',
    'n.a',
    'N.A.',
    '–',
    '?',
    'Na',
    'none',
    'x',
    '李',
    'é',
  ]
  const emails = [
    'a@b.co',
    'a.b+c@d-e.co.uk',
    'jörg@müller.de',
    "o'neil@x.org",
    'anna@@x',
    '.a@b.co',
    'a..b@c.co',
    'a@b',
    'a@-b.co',
    'a@b.c',
    'a@b.c1',
    'a b@c.co',
    'a\u00a0b@c.co',
    'a,b@c.co',
    `${'a'.repeat(65)}@b.co`,
    `${'a'.repeat(64)}@b.co`,
    `a@${'b'.repeat(96)}.co`,
    'a@b.co\n',
    '用户@例子.公司',
  ]
  for (const text of [...texts, ...emails]) {
    const [row] = await server.database.db.execute(
      sql`select customers_said(${text}) as said, customers_usable('email', customers_said(${text})) as usable`,
    )
    const trimmed = said(text)
    expect({ text, ...row }).toEqual({
      text,
      said: trimmed,
      usable: trimmed === null || usableEmail(trimmed) !== null,
    })
  }
})
