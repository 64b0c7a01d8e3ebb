import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { sql } from 'drizzle-orm'
import {
  type BenchDatabase,
  bulkTarget,
  countThrottled,
  emptyTables,
  type Measurement,
  mainProgram,
  seedManyOrders,
  start,
} from './push-setup.ts'

const runFile = promisify(execFile)
const historyOrders = 100_000

/** The whole `storefeed backfill`, from its start to its end, on orders without messages. */
export async function measureBackfill({ db, databaseUrl }: BenchDatabase): Promise<Measurement> {
  await emptyTables(db)
  await seedManyOrders(db, historyOrders)
  await db.execute(sql`update orders set placed_at = placed_at - interval '1 year'`)
  await db.execute(sql`truncate outbox`)
  await db.execute(sql`vacuum analyze`)
  const sandbox = await start(['--import', 'tsx', mainProgram, 'sandbox', '--port', '0'])
  const settings = { DATABASE_URL: databaseUrl, KLAVIYO_API_KEY: 'pk_test' }
  const began = performance.now()
  const { stdout } = await runFile(
    process.execPath,
    ['--import', 'tsx', mainProgram, 'backfill', '--json'],
    { env: { ...process.env, ...settings, KLAVIYO_URL: sandbox.url } },
  )
  const seconds = (performance.now() - began) / 1_000
  const { sent } = JSON.parse(stdout)
  const throttled = await countThrottled(sandbox.url)
  sandbox.kill()
  const perSecond = sent / seconds
  return {
    what: `backfill of ${historyOrders} orders by the command`,
    measured: `${sent} events in ${seconds.toFixed(0)} s, ${Math.round(perSecond)} events/s, ${throttled} times 429`,
    target: `all ${3 * historyOrders}, >= ${bulkTarget} events/s, no 429`,
    reached: sent === 3 * historyOrders && perSecond >= bulkTarget && throttled === 0,
  }
}
