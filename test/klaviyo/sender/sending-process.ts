/** A sender in a process of its own, which can be killed: `sending-process.ts DATABASE_URL SANDBOX_URL`. */
import { connect } from '../../../src/db/connection.ts'
import { createClient } from '../../../src/klaviyo/api/client.ts'
import { eventsTransport } from '../../../src/klaviyo/sender/transport.ts'
import { startSender } from '../../../src/server/background.ts'
import { names } from '../guide-payloads.ts'
import { silent, unlimited } from '../seed.ts'

const [databaseUrl = '', url = '', share = String(unlimited)] = process.argv.slice(2)

const client = createClient({
  url,
  apiKey: 'pk_test',
  share: Number(share),
  log: silent,
  timeoutMs: 1_000,
})
const sender = { id: 'test', client, transport: eventsTransport, names }
startSender(connect(databaseUrl, { max: 3 }), { sender, log: silent }, null)
process.stdout.write('sending\n')
