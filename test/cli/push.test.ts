/** `storefeed push`: its summary, its exit code, and that it may be stopped at any time. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createFaultInjector } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { seedOrders, statuses } from '../klaviyo/seed.ts'
import { run, start } from './command-line.ts'
import { holdAnswers } from './held-klaviyo.ts'
import { createSendingRig, type SendingRig } from './sending.ts'

let rig: SendingRig

beforeAll(async () => {
  rig = await createSendingRig()
})
afterAll(() => rig.close())
beforeEach(() => rig.reset())

test('what waits is sent, with a summary; a second run finds nothing', async () => {
  await seedOrders(rig.db, 3)
  const first = await run(['push'], rig.settings)
  expect(first).toMatchObject({ code: 0, stdout: 'sent 9, failed 0, unsendable 0; 0 waiting\n' })
  expect(rig.recorded()).toHaveLength(9)
  const second = await run(['push'], rig.settings)
  expect(second).toMatchObject({ code: 0, stdout: 'sent 0, failed 0, unsendable 0; 0 waiting\n' })
  expect(rig.recorded()).toHaveLength(9)
})

test('the summary counts failed and unsendable messages, and says where to read why', async () => {
  rig.sandbox.state.faultInjector = createFaultInjector({ bad: { ids: ['o1_SKU-2'] } })
  await seedOrders(rig.db, 1)
  await rig.db.execute(sql`insert into orders (id, currency, total) values ('nobody', 'USD', 1)`)
  const { code, stdout } = await run(['push'], rig.settings)
  expect(code).toBe(0)
  expect(stdout).toBe(
    'sent 2, failed 1, unsendable 1; 0 waiting\nSee GET /v1/events?status=failed for the reasons.\n',
  )
})

test('a key that Klaviyo rejects is an alarm: exit code 1, and everything waits', async () => {
  await seedOrders(rig.db, 2)
  const wrong = { ...rig.settings, KLAVIYO_API_KEY: 'pk_wrong' }
  const { code, stdout } = await run(['push', '--json'], wrong)
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toEqual({
    sent: 0,
    failed: 0,
    unsendable: 0,
    waiting: 6,
    alarms: ['401 Incorrect authentication credentials.'],
    reasons: [],
  })
  const { code: later } = await run(['push'], rig.settings)
  expect(later).toBe(0)
  expect(await statuses(rig.db)).toEqual({ sent: 6 })
})

test('when Klaviyo cannot be reached it says so and when it tries again: exit code 1, and everything waits', async () => {
  await seedOrders(rig.db, 1)
  const unreachable = { ...rig.settings, KLAVIYO_URL: 'http://127.0.0.1:9' }
  const { code, stdout } = await run(['push'], unreachable)
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /^sent 0, failed 0, unsendable 0; 3 waiting\nMessages of events that wait for another try: 1, the first at \S+. Klaviyo’s last answer: \S/,
  )
  expect(await statuses(rig.db)).toEqual({ pending: 3 })
})

test('without a key nothing is sent, and the error names the missing setting', async () => {
  await seedOrders(rig.db, 1)
  const { DATABASE_URL } = rig.settings
  const { code, stdout, stderr } = await run(['push'], { DATABASE_URL })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toBe('KLAVIYO_API_KEY is not set, so nothing can be sent.\n')
  expect(await statuses(rig.db)).toEqual({ pending: 3 })
})

test('stopped between sending and settling, it settles what was sent and keeps the rest', async () => {
  await seedOrders(rig.db, 2_000)
  const held = await holdAnswers(rig.sandbox.url)
  try {
    const push = start(['push', '--json'], { ...rig.settings, KLAVIYO_URL: held.url })
    await held.recorded
    const ended = push.end('SIGTERM')
    held.release()
    const { code, stdout } = await ended
    expect(code).toBe(0)
    const { sent, waiting } = JSON.parse(stdout)
    expect(sent).toBe(rig.recorded().length)
    expect([sent > 0, waiting > 0, sent + waiting]).toEqual([true, true, 6_000])
  } finally {
    await held.stop()
  }
  await run(['push'], rig.settings)
  expect(await statuses(rig.db)).toEqual({ sent: 6_000 })
  expect([rig.recorded().length, rig.drops().length]).toEqual([6_000, 0])
})

test('killed between sending and settling, it loses nothing and records nothing twice', async () => {
  await seedOrders(rig.db, 20)
  const held = await holdAnswers(rig.sandbox.url)
  try {
    const push = start(['push'], { ...rig.settings, KLAVIYO_URL: held.url })
    await held.recorded
    await push.end('SIGKILL')
  } finally {
    await held.stop()
  }
  expect(await statuses(rig.db)).toEqual({ pending: 60 })
  expect(await run(['push'], rig.settings)).toMatchObject({ code: 0 })
  expect(await statuses(rig.db)).toEqual({ sent: 60 })
  expect(rig.recorded()).toHaveLength(60)
})
