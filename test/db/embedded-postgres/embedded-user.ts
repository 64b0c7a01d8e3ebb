/** Being another process that uses an embedded Postgres: prints its URL, and stops at the end of its input. */
import { once } from 'node:events'
import { startEmbedded } from '../../../src/db/embedded-postgres/embedded-postgres.ts'

const [dataDir = ''] = process.argv.slice(2)
const embedded = await startEmbedded(dataDir, { settings: { fsync: 'off' } })
process.stdout.write(`${embedded.url}\n`)
await once(process.stdin.resume(), 'end')
await embedded.stop()
