/** What a command writes is sent while it goes on writing, and all of it before it ends. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { sendWaiting } from '../../src/cli/send-waiting.ts'
import { readConfig } from '../../src/config.ts'
import { seedOrders, statuses } from '../klaviyo/seed.ts'
import { createSendingRig, type SendingRig } from './sending.ts'

let rig: SendingRig

beforeAll(async () => {
  rig = await createSendingRig()
})
afterAll(() => rig.close())
beforeEach(() => rig.reset())

const { signal } = new AbortController()

test('what is written is sent while more is written, and what came last too', async () => {
  const summary = await sendWaiting(readConfig(rig.settings), rig.url, signal, async () => {
    await seedOrders(rig.db, 2)
    await vi.waitFor(() => expect(rig.recorded()).toHaveLength(6), { timeout: 30_000 })
    await seedOrders(rig.db, 3, { prefix: 'later' })
  })
  expect(summary).toMatchObject({ sent: 15, waiting: 0 })
  expect(rig.recorded()).toHaveLength(15)
})

test('when writing fails, it rejects after what had been written is sent', async () => {
  const sending = sendWaiting(readConfig(rig.settings), rig.url, signal, async () => {
    await seedOrders(rig.db, 2)
    throw new Error('the writing failed')
  })
  await expect(sending).rejects.toThrow('the writing failed')
  expect(await statuses(rig.db)).toEqual({ sent: 6 })
})

test('without a key nothing is written, as nothing could be sent', async () => {
  const config = readConfig({ ...rig.settings, KLAVIYO_API_KEY: undefined })
  const sending = sendWaiting(config, rig.url, signal, () => seedOrders(rig.db, 1))
  await expect(sending).rejects.toThrow('KLAVIYO_API_KEY is not set, so nothing can be sent.')
  expect(await statuses(rig.db)).toEqual({})
})
