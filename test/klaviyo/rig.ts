/** What tests of sending need: a database, a sandbox for Klaviyo, and a sender between them. */
import { connect } from '../../src/db/connection.ts'
import { queueNames } from '../../src/db/schema/outbox.ts'
import { type ClientOptions, createClient } from '../../src/klaviyo/api/client.ts'
import { drain } from '../../src/klaviyo/sender/sender.ts'
import { eventsTransport, type Transport } from '../../src/klaviyo/sender/transport.ts'
import { startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import type { SandboxOptions } from '../../src/klaviyo-sandbox/state.ts'
import { createTestDatabase } from '../support/database.ts'
import { names } from './guide-payloads.ts'
import { silent, unlimited } from './seed.ts'

export async function createRig(options: SandboxOptions = { settings: { limits: false } }) {
  const database = await createTestDatabase()
  const sandbox = await startSandbox({ port: 0, ...options })
  const pool = connect(database.url, { max: 3 })
  return {
    db: database.db,
    url: database.url,
    sandbox,
    /** Sends all that is due, with a client of its own, as another process would. */
    async sendAll(
      given: Partial<ClientOptions> = {},
      transport: Transport = eventsTransport,
    ): Promise<void> {
      const client = createClient({
        url: sandbox.url,
        apiKey: 'pk_test',
        share: unlimited,
        log: silent,
        ...given,
      })
      const sender = { id: given.apiKey ?? 'pk_test', client, transport, names }
      const { signal } = new AbortController()
      const options = { db: pool.db, sender, log: silent }
      await Promise.all(queueNames.map((queue) => drain(queue, options, signal)))
    },
    async close() {
      await sandbox.stop()
      await pool.close()
      await database.close()
    },
  }
}
