/** Whatever the order in which facts about a customer arrive, what is known is that of the order in which they happened. */
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { heldTogether, untilWaiting } from '../support/lock-waits.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { type Way, ways } from './ways-in.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('PUT', '/v1/stores/market', { title: 'Market' })
})
afterAll(() => server.stop())

const everyWay: [string, Way][] = Object.entries(ways)
const known = [
  'email',
  'phone_number',
  'first_name',
  'last_name',
  'city',
  'metadata',
  'known_at',
] as const

async function stateOf(id: string): Promise<Record<string, unknown>> {
  const { body } = await server.ask('GET', `/v1/customers/${id}`)
  const record = body as Record<string, unknown>
  return Object.fromEntries(known.map((field) => [field, record[field]]))
}

test.each(everyWay)('what %s says of last year fills blanks only', async (way, say) => {
  const id = `late ${way}`
  const email = `new-${way.replaceAll(' ', '-')}@klaviyo-demo.com`
  await ways['an order by REST'](server, {
    id: `${id}-1`,
    customer: { id, email, last_name: 'New', metadata: { tier: 'gold' } },
  })
  await say(server, {
    id: `${id}-2`,
    customer: { id, email: 'old@klaviyo-demo.com', last_name: 'Old', city: 'Salem' },
    at: '2024-01-01T10:00:00Z',
  })
  expect(await stateOf(id)).toMatchObject({
    email,
    last_name: 'New',
    city: 'Salem',
    metadata: { tier: 'gold' },
  })
})

test('a customer that PUT or plain SQL made is known from then on: an older order fills blanks only', async () => {
  await server.ask('PUT', '/v1/customers/put', { email: 'put@klaviyo-demo.com', first_name: 'New' })
  await server.database.db.execute(
    sql`insert into customers (id, first_name) values ('sql', 'New')`,
  )
  for (const id of ['put', 'sql']) {
    const customer = { id, first_name: 'Old', city: 'Salem' }
    await ways['an order by REST'](server, { id, customer, at: '2024-01-01T10:00:00Z' })
    expect(await stateOf(id)).toMatchObject({ first_name: 'New', city: 'Salem' })
  }
})

test('a till whose clock is ahead does not outlive what comes after it', async () => {
  const said = (first_name: string, at?: string) =>
    ways['an order by REST'](server, {
      id: first_name,
      customer: { id: 'ahead', first_name },
      ...(at && { at }),
    })
  await said('Ahead', new Date(Date.now() + 86_400_000).toISOString())
  await said('After')
  expect(await stateOf('ahead')).toMatchObject({ first_name: 'After' })
})

test('the same said again later is as new as it was said last', async () => {
  const said = (id: string, first_name: string, at: string) =>
    ways['an order by SQL'](server, { id, customer: { id: 'again', first_name }, at })
  await said('again-1', 'Jo', '2024-01-01T10:00:00Z')
  await said('again-3', 'Jo', '2024-03-01T10:00:00Z')
  await said('again-2', 'Joe', '2024-02-01T10:00:00Z')
  expect(await stateOf('again')).toMatchObject({ first_name: 'Jo' })
})

type Said = { way: Way; who: 'id' | 'email' | 'both'; fields: Record<string, unknown> }

const unsaid = fc.constantFrom(null, '', 'n/a')
const fields = fc.record(
  {
    first_name: fc.oneof(fc.constantFrom('Jo', 'Joe', 'Ann'), unsaid),
    last_name: fc.oneof(fc.constantFrom('Kim', 'Lee'), unsaid),
    city: fc.oneof(fc.constantFrom('Boston', 'Salem'), unsaid),
    phone_number: fc.oneof(
      fc.constantFrom('+1 617 555 0100', '+44 20 7946 0018', '123', 'x'),
      unsaid,
    ),
    metadata: fc.dictionary(fc.constantFrom('tier', 'shoe'), fc.constantFrom('a', 'b'), {
      maxKeys: 2,
    }),
  },
  { requiredKeys: [] },
)
const fact: fc.Arbitrary<Said> = fc
  .record({
    way: fc.constantFrom<Way>(...Object.values(ways)),
    who: fc.constantFrom('id' as const, 'email' as const, 'both' as const),
    fields,
  })
  // SQL does not look for customers by e-mail.
  .map((one) => (one.way === ways['an order by SQL'] ? { ...one, who: 'id' as const } : one))

/** Says them in this order; the place of a fact in `facts` is its time. Returns what is known then, and of how many customers. */
async function arrive(name: string, facts: Said[], order: number[]): Promise<unknown> {
  const email = `${name}@klaviyo-demo.com`
  const keys = { id: { id: name }, email: { email }, both: { id: name, email } }
  for (const place of order) {
    const { way, who, fields: rest } = facts[place] as Said
    const at = new Date(Date.UTC(2024, place, 1)).toISOString()
    await way(server, { id: `${name}-${place}`, customer: { ...rest, ...keys[who] }, at })
  }
  const { email: found, ...state } = await stateOf(name)
  const others = await server.database.db.execute(
    sql`select from customers where id <> ${name} and lower(email) = ${email}`,
  )
  return { state, found: found === email, others: others.length }
}

test('in any order of arrival, by REST, file and SQL, by id and by e-mail, the same is known', async () => {
  const facts = fc.array(fact, { minLength: 1, maxLength: 5 })
  const identified = facts.map((list) => [...list, both])
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      identified.chain((list) =>
        fc.record({
          list: fc.constant(list),
          order: fc.shuffledSubarray([...list.keys()], { minLength: list.length }),
        }),
      ),
      async ({ list, order }) => {
        run++
        const inOrder = await arrive(`t${run}`, list, [...list.keys()])
        expect(await arrive(`a${run}`, list, order)).toEqual(inOrder)
        expect(inOrder).toMatchObject({ found: true, others: 0 })
      },
    ),
    { numRuns: 30 },
  )
}, 120_000)

const both: Said = { way: ways['an order by REST'], who: 'both', fields: {} }

test('of two orders at once the newer counts, whichever comes first', async () => {
  for (const [round, months] of [['a', ['01', '02']] as const, ['b', ['02', '01']] as const]) {
    const id = `at-once-${round}`
    await server.ask('PUT', `/v1/orders/${id}`, {
      total: 1,
      customer: { id },
      placed_at: '2023-01-01T10:00:00Z',
    })
    await heldTogether(
      server.database.db,
      sql`select from customers where id = ${id} for update`,
      months.map((month) => () => {
        const at = `2024-${month}-01T10:00:00Z`
        const customer = { id, first_name: month, last_name: month }
        return ways['an order by REST'](server, { id: `${id}-${month}`, customer, at })
      }),
    )
    expect(await stateOf(id)).toMatchObject({ first_name: '02', last_name: '02' })
  }
})

test('an order written while its customer becomes another one is of that one, and what it says is known of them', async () => {
  const email = 'merging@klaviyo-demo.com'
  const phone_number = '+1 617 555 0123'
  const first = { id: 'merging-1', customer: { email, phone_number }, at: '2024-01-01T10:00:00Z' }
  await ways['an order by REST'](server, first)
  await ways['an order by REST'](server, { id: 'merging-2', customer: { id: 'm-merging' } })
  const { written } = await server.database.db.transaction(async (tx) => {
    await tx.execute(
      sql`select customers_merge(id, 'm-merging') from customers where email = ${email}`,
    )
    const late = { id: 'merging-3', customer: { phone_number, city: 'Salem' } }
    const written = ways['an order by REST'](server, late)
    await untilWaiting(server.database.db, 1)
    return { written }
  })
  await written
  expect(await stateOf('m-merging')).toMatchObject({ email, phone_number, city: 'Salem' })
  const orders = await server.database.db.execute(
    sql`select distinct customer_id from orders where id like 'merging-%'`,
  )
  expect([...orders]).toEqual([{ customer_id: 'm-merging' }])
})
