import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedOrders, statuses } from '../klaviyo/seed.ts'
import { run } from './command-line.ts'
import { createSendingRig, type SendingRig } from './sending.ts'

let rig: SendingRig

beforeAll(async () => {
  rig = await createSendingRig()
  await rig.reset()
  await seedOrders(rig.db, 1)
})
afterAll(() => rig.close())

test('each message of the order is shown as both APIs get it, and none is sent', async () => {
  const { code, stdout } = await run(['event', 'o1'], {
    ...rig.settings,
    KLAVIYO_PUBLIC_KEY: 'PUB',
  })
  expect(code).toBe(0)
  const shown = JSON.parse(stdout)
  expect(shown).toHaveLength(3)
  expect(shown[0]).toMatchObject({
    metric: 'placed_order',
    unique_id: 'o1',
    status: 'pending',
    next_at: expect.any(String),
    warnings: [],
    events: { data: { type: 'event', attributes: { unique_id: 'o1', value: 20.5 } } },
    track: { token: 'PUB', event: 'Placed Order', properties: { $event_id: 'o1', $value: 20.5 } },
  })
  expect(await statuses(rig.db)).toEqual({ pending: 3 })
  expect(rig.recorded()).toEqual([])
})

test('it needs no key; a message that cannot be sent says why', async () => {
  await rig.db.execute(sql`insert into orders (id, currency, total) values ('nobody', 'USD', 1)`)
  const { DATABASE_URL } = rig.settings
  const { code, stdout } = await run(['event', 'nobody'], { DATABASE_URL })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual([
    {
      metric: 'placed_order',
      unique_id: 'nobody',
      status: 'pending',
      next_at: expect.any(String),
      unsendable: 'the order has no customer',
    },
  ])
})

test('an unknown order is an error of one line', async () => {
  const { code, stdout, stderr } = await run(['event', 'o2'], rig.settings)
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe('There is no order "o2", or it has no messages yet.\n')
})

test('an order whose customer was erased says so', async () => {
  await rig.db.execute(sql`select customers_erase('o1')`)
  const { code, stdout, stderr } = await run(['event', 'o1'], rig.settings)
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe('The customer of order "o1" was erased: nothing more is sent for it.\n')
  const { stdout: examined } = await run(['doctor'], rig.settings)
  expect(examined).toContain('messages: Orders of erased customers, of which nothing is sent: 1.')
})
