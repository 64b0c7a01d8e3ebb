/** Everything fails at once. The full size is `npm run bench -- push`. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRig } from '../rig.ts'
import { badPattern, runChaos } from './chaos.ts'

let rig: Awaited<ReturnType<typeof createRig>>

beforeAll(async () => {
  rig = await createRig({
    settings: { limits: false },
    faults: {
      throttle: 0.06,
      error: 0.06,
      html: 0.02,
      hang: 0.02,
      cut: 0.03,
      lost: 0.03,
      bad: { pattern: badPattern },
    },
  })
})
afterAll(() => rig.close())

test('two senders killed again and again by kill -9: 0 lost, 0 twice, 0 out of order, the bad ones failed', async () => {
  const audit = await runChaos({
    db: rig.db,
    databaseUrl: rig.url,
    sandbox: rig.sandbox,
    orders: 750,
    kills: 4,
  })
  expect(audit).toMatchObject({
    messages: 3_000,
    lost: 0,
    twice: 0,
    outOfOrder: 0,
    misclassified: 0,
    failed: 10,
  })
})
