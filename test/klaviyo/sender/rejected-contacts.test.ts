/** An email or phone number that Klaviyo rejects never costs the event, as long as the other is left. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createFaultInjector } from '../../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { createSandbox } from '../../../src/klaviyo-sandbox/sandbox.ts'
import { createRig } from '../rig.ts'
import { seedOrders, statuses } from '../seed.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig()
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.db.execute(sql`truncate orders, customers, order_items, order_updates, visits, outbox`)
  Object.assign(rig.sandbox.state, createSandbox({ settings: { limits: false } }).state)
})

const phone = '+16175550100'
const recorded = () => rig.sandbox.state.account.eventLog.entries

function reject(...identifiers: string[]): void {
  rig.sandbox.state.faultInjector = createFaultInjector({ bad: { identifiers } })
}

async function messages(): Promise<{ unique_id: string; warnings: string[]; payload: string }[]> {
  const rows = await rig.db.execute<{ unique_id: string; warnings: string[]; payload: string }>(
    sql`select unique_id, jsonb_path_query_array(warnings, '$[*].detail') as warnings, payload::text as payload from outbox order by id`,
  )
  return [...rows]
}

test('sent singly, an event whose phone number is rejected is sent at once without it, with a warning', async () => {
  reject(phone)
  await seedOrders(rig.db, 1)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 3 })
  const [placed, item] = await messages()
  expect(placed?.warnings).toEqual(['phone_number "***00" omitted: Klaviyo rejected it'])
  expect(placed?.payload).not.toContain('phone_number')
  expect(placed?.payload).toContain('"first_name":"Jo"')
  expect(item?.warnings).toEqual([])
})

test('in bulk the others are sent as they are, and each order keeps its order', async () => {
  await seedOrders(rig.db, 50)
  await rig.db.execute(
    sql`update customers set phone_number = '617 555 0199' where id in ('o7', 'o9')`,
  )
  reject('+16175550199')
  await rig.sendAll()
  expect(await statuses(rig.db)).toMatchObject({ sent: 152 })
  const warned = (await messages()).filter(({ warnings }) => warnings.length > 0)
  expect(warned.map(({ unique_id }) => unique_id).slice(0, 2)).toEqual(['o7', 'o9'])
  expect(
    recorded()
      .filter(({ order }) => order === 'o7')
      .map(({ uniqueId }) => uniqueId),
  ).toEqual(['o7', 'o7_SKU-1', 'o7_SKU-2'])
})

test('an event whose email is rejected is sent with the phone number, its line items too', async () => {
  reject('o1@klaviyo-demo.com')
  await seedOrders(rig.db, 1)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 3 })
  for (const { warnings, payload } of await messages()) {
    expect(warnings).toEqual(['email "o***@klaviyo-demo.com" omitted: Klaviyo rejected it'])
    expect(payload).toContain(`"phone_number":"${phone}"`)
  }
})

test('an email that the endpoint itself calls invalid is omitted in bulk too', async () => {
  await seedOrders(rig.db, 20)
  await rig.db.execute(sql`update customers set email = 'josé@klaviyo-demo.com' where id = 'o3'`)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 61 })
})

test('without another identifier the event fails with Klaviyo’s reason', async () => {
  reject('o1@klaviyo-demo.com', phone)
  await seedOrders(rig.db, 1)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ failed: 3 })
  const [placed] = await rig.db.execute(
    sql`select error, jsonb_path_query_array(warnings, '$[*].detail') as warnings from outbox order by id limit 1`,
  )
  expect(placed).toEqual({
    error:
      '400 The sandbox is set to reject this email.; The sandbox is set to reject this phone_number.',
    warnings: [
      'email "o***@klaviyo-demo.com" rejected by Klaviyo',
      'phone_number "***00" rejected by Klaviyo',
    ],
  })
})

test('a profile is sent without the phone number that is rejected', async () => {
  reject(phone)
  await rig.db.execute(
    sql`insert into stores (id, title, country_code) values ('us', 'US', 'US') on conflict do nothing`,
  )
  await rig.db.execute(sql`insert into customers (id, email, phone_number)
    values ('c1', 'c1@klaviyo-demo.com', ${phone})`)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 1 })
  expect((await messages())[0]?.warnings).toEqual([
    'phone_number "***00" omitted: Klaviyo rejected it',
  ])
})

/** In Klaviyo, the telephone number belongs to another profile than the e-mail. */
async function knowAsTwo(email: string): Promise<void> {
  const profiles = [{ email }, { email: 'other@klaviyo-demo.com', phone_number: phone }]
  for (const attributes of profiles) {
    const sent = await fetch(`${rig.sandbox.url}/api/profile-import`, {
      method: 'POST',
      headers: {
        authorization: 'Klaviyo-API-Key pk_test',
        revision: '2026-07-15',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ data: { type: 'profile', attributes } }),
    })
    expect(sent.status).toBe(201)
  }
}

test('a profile whose e-mail and phone number are two profiles’ in Klaviyo is sent without the phone number, and so is each later edit', async () => {
  await knowAsTwo('c1@klaviyo-demo.com')
  await rig.db.execute(sql`insert into customers (id, email, phone_number)
    values ('c1', 'c1@klaviyo-demo.com', ${phone})`)
  await rig.sendAll()
  await rig.db.execute(sql`update customers set first_name = 'Jo' where id = 'c1'`)
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ sent: 2 })
  for (const { warnings, payload } of await messages()) {
    expect(warnings).toEqual([
      'phone_number "***00" omitted: in Klaviyo it belongs to another profile',
    ])
    expect(payload).not.toContain('phone_number')
  }
})

test.each([
  ['singly', 1],
  ['in bulk', 50],
])(
  'an event that Klaviyo records without the phone number has a warning (%s)',
  async (_, count) => {
    await knowAsTwo('o1@klaviyo-demo.com')
    await seedOrders(rig.db, count)
    await rig.sendAll()
    expect((await statuses(rig.db)).failed).toBeUndefined()
    const [placed] = await messages()
    expect(placed).toMatchObject({
      unique_id: 'o1',
      warnings: ['phone_number "***00" not recorded: Klaviyo accepted the rest'],
    })
  },
)

test('a field that Klaviyo rejects is named, with its masked value, on the message that failed', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(
    sql`update customers set email = 'josé@klaviyo-demo.com', phone_number = null`,
  )
  await rig.sendAll()
  const [placed] = await messages()
  expect(placed?.warnings).toEqual(['email "j***@klaviyo-demo.com" rejected by Klaviyo'])
})

test('an order that cannot be sent names what is wrong with the customer', async () => {
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`delete from customers`)
  await rig.db.execute(
    sql`insert into customers (id, email, phone_number) values ('o1', 'anna@@x', '123')`,
  )
  await rig.db.execute(sql`update orders set customer_id = 'o1'`)
  await rig.sendAll()
  const [placed] = await messages()
  expect(placed?.warnings).toEqual([
    'email "a***@@x" omitted: Klaviyo would reject it',
    'phone_number "***23" omitted: not a valid number in the country of the store',
  ])
})

test('in bulk a message that fails names its own field only', async () => {
  await seedOrders(rig.db, 50)
  for (const [id, number] of Object.entries({ o7: '+16175550198', o9: '+16175550199' }))
    await rig.db.execute(
      sql`update customers set email = null, phone_number = ${number} where id = ${id}`,
    )
  reject('+16175550198', '+16175550199')
  await rig.sendAll()
  const failed = (await messages()).filter(({ unique_id }) => ['o7', 'o9'].includes(unique_id))
  expect(failed.map(({ warnings }) => warnings)).toEqual([
    ['phone_number "***98" rejected by Klaviyo'],
    ['phone_number "***99" rejected by Klaviyo'],
  ])
})

test('a masked value is never cut within a character, which the database would not store', async () => {
  const email = `a@${'x'.repeat(98)}💥`
  await rig.db.execute(
    sql`insert into customers (id, email, phone_number) values ('c1', ${email}, '💥1')`,
  )
  await rig.sendAll()
  expect(await statuses(rig.db)).toEqual({ unsendable: 1 })
  expect((await messages())[0]?.warnings).toContain(
    `email "a***@${'x'.repeat(98)}💥" omitted: Klaviyo would reject it`,
  )
})
