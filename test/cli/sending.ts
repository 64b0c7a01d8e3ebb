/** What tests of sending commands need: a database, a sandbox, and the environment that names them. */
import { sql } from 'drizzle-orm'
import { createSandbox } from '../../src/klaviyo-sandbox/sandbox.ts'
import { createRig } from '../klaviyo/rig.ts'

export async function createSendingRig() {
  const rig = await createRig()
  return {
    ...rig,
    settings: {
      DATABASE_URL: rig.url,
      KLAVIYO_URL: rig.sandbox.url,
      KLAVIYO_API_KEY: 'pk_right',
      KLAVIYO_RATE_SHARE: '1000',
    },
    recorded: () => rig.sandbox.state.account.eventLog.entries,
    drops: () => rig.sandbox.state.account.eventLog.drops,
    /** An empty database, and a sandbox that knows one key. */
    async reset() {
      await rig.db.execute(
        sql`truncate orders, customers, order_items, order_updates, visits, outbox`,
      )
      await rig.db.execute(
        sql`update outbox_queues set paused_until = null, alarm = null, requests = '{}'`,
      )
      const { state } = createSandbox({ settings: { limits: false, key: 'pk_right' } })
      Object.assign(rig.sandbox.state, state)
    },
  }
}

export type SendingRig = Awaited<ReturnType<typeof createSendingRig>>
