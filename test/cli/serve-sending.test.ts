/** How a running server sends: in real time or in batches, and not at all without a key. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { seedOrders, statuses } from '../klaviyo/seed.ts'
import { start } from './command-line.ts'
import { createSendingRig, type SendingRig } from './sending.ts'

let rig: SendingRig

beforeAll(async () => {
  rig = await createSendingRig()
})
afterAll(() => rig.close())
beforeEach(() => rig.reset())

/** Through a pooler no notification comes, and the outbox is polled every second. */
const notifiedMs = inject('clientUrl') === inject('serverUrl') ? 1_000 : 5_000

const serving = /"msg":"storefeed serves"/

/** When each batch began: events less than half a second apart came together. */
function batches(): number[] {
  const times = rig.recorded().map(({ receivedAt }) => receivedAt.getTime())
  return times.filter((time, place) => time - (times[place - 1] ?? 0) > 500)
}

test('PUSH_EVERY sends in batches, and not before', async () => {
  const server = start(['serve'], { ...rig.settings, PUSH_EVERY: '2s' })
  await server.printed(serving)
  let written = 0
  const writeOne = async () => {
    await seedOrders(rig.db, 1, { prefix: `at${++written}-` })
    return batches().length
  }
  await expect.poll(writeOne, { interval: 100 }).toBe(3)
  await server.end()
  const [, second = 0, third = 0] = batches()
  expect(third - second).toBeGreaterThanOrEqual(1_900)
})

test('in real time an order is sent long before any batch, and SIGTERM leaves nothing half sent', async () => {
  const server = start(['serve'], rig.settings)
  await server.printed(serving)
  await seedOrders(rig.db, 1)
  await expect.poll(() => statuses(rig.db), { timeout: notifiedMs }).toEqual({ sent: 3 })
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
  expect(rig.drops()).toEqual([])
})

test('without KLAVIYO_API_KEY nothing is sent, messages wait, and the log says so', async () => {
  await seedOrders(rig.db, 1)
  const { KLAVIYO_API_KEY, ...settings } = rig.settings
  const server = start(['serve'], settings)
  await server.printed(serving)
  const { stdout } = await server.end()
  expect(stdout).toContain('KLAVIYO_API_KEY is not set: nothing is sent to Klaviyo, messages wait')
  expect(stdout).not.toContain('is a sandbox')
  expect(await statuses(rig.db)).toEqual({ pending: 3 })
  expect(rig.recorded()).toEqual([])
})

test('a server that sends to a sandbox says so at start, and what went there is marked with it', async () => {
  const server = start(['serve'], rig.settings)
  await server.printed(
    /"url":"http:[^"]+","msg":"KLAVIYO_URL is a sandbox: nothing reaches Klaviyo"/,
  )
  await server.printed(serving)
  await seedOrders(rig.db, 1)
  await expect.poll(() => statuses(rig.db), { timeout: notifiedMs }).toEqual({ sent: 3 })
  await server.end()
  const sentTo = await rig.db.execute(sql`select distinct sent_to from outbox`)
  expect([...sentTo]).toEqual([{ sent_to: rig.sandbox.url }])
})
