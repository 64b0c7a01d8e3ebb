import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { seedOrders, statuses } from '../klaviyo/seed.ts'
import { run } from './command-line.ts'
import { createSendingRig, type SendingRig } from './sending.ts'

let rig: SendingRig

beforeAll(async () => {
  rig = await createSendingRig()
})
afterAll(() => rig.close())
beforeEach(async () => {
  await rig.reset()
  await seedOrders(rig.db, 3)
  await rig.db.execute(
    sql`update orders set placed_at = '2024-05-01T10:00:00Z'::timestamptz + right(id, 1)::int * interval '1 day'`,
  )
  await rig.db.execute(sql`truncate outbox`)
})

const backfill = (...args: string[]) => run(['backfill', ...args], rig.settings)

test('the orders of the period are sent with their true times, without triggering flows, once', async () => {
  const period = ['--from', '2024-05-02', '--to', '2024-05-04']
  expect(await backfill(...period)).toMatchObject({
    code: 0,
    stdout: '2 orders, 6 messages added; sent 6, failed 0, unsendable 0; 0 waiting\n',
  })
  expect(
    rig
      .recorded()
      .filter(({ metric }) => metric === 'Placed Order')
      .map(({ order, time, backfill: history }) => [order, new Date(time).toISOString(), history])
      .sort(),
  ).toEqual([
    ['o1', '2024-05-02T10:00:00.000Z', true],
    ['o2', '2024-05-03T10:00:00.000Z', true],
  ])
  expect(await backfill(...period)).toMatchObject({
    code: 0,
    stdout: '2 orders, 0 messages added; sent 0, failed 0, unsendable 0; 0 waiting\n',
  })
})

test('without a period it is all of history; --json is for scripts', async () => {
  const { code, stdout } = await backfill('--json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual({
    orders: 3,
    messages: 9,
    sent: 9,
    failed: 0,
    unsendable: 0,
    waiting: 0,
    alarms: [],
    reasons: [],
  })
})

test('an alarm is exit code 1, and the messages that were added wait', async () => {
  const wrong = { ...rig.settings, KLAVIYO_API_KEY: 'pk_wrong' }
  const { code, stdout } = await run(['backfill'], wrong)
  expect(code).toBe(1)
  expect(stdout).toBe(
    '3 orders, 9 messages added; sent 0, failed 0, unsendable 0; 9 waiting\nKlaviyo rejected the credentials; sending is paused: 401 Incorrect authentication credentials.\n',
  )
  expect(await statuses(rig.db)).toEqual({ pending: 9 })
})

test('an invalid time is rejected, and nothing is written', async () => {
  const { code, stderr } = await backfill('--from', 'May')
  expect(code).toBe(1)
  expect(stderr).toContain('It must be ISO 8601, such as 2025-01-31 or 2025-01-31T09:00Z.')
  expect(await statuses(rig.db)).toEqual({})
})
