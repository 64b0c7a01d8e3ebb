/** Benchmarks of sending: how soon, how fast, and whether anything is lost when everything fails. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import { startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { badPattern, runChaos } from '../klaviyo/sender/chaos.ts'
import { startOpenPostgres } from '../support/postgres-server.ts'
import { measureBackfill } from './push-backfill.ts'
import { type BenchDatabase, emptyTables, type Measurement } from './push-setup.ts'
import { measureBacklog, measureDelay } from './push-speed.ts'

/** Each measurement begins with empty tables. */
async function measurePush(databaseUrl: string): Promise<Measurement[]> {
  const { db, close } = connect(databaseUrl, { max: 4 })
  const database = { db, databaseUrl }
  try {
    return [
      await measureDelay(database),
      await measureBacklog(database, { limits: false }),
      await measureBacklog(database, { limits: true }),
      await measureBackfill(database),
      await measureChaos(database),
    ]
  } finally {
    await close()
  }
}

async function measureChaos({ db, databaseUrl }: BenchDatabase): Promise<Measurement> {
  await emptyTables(db)
  const faults = { throttle: 0.06, error: 0.06, hang: 0.02, cut: 0.03, lost: 0.03 }
  const sandbox = await startSandbox({
    port: 0,
    settings: { limits: false },
    faults: { ...faults, bad: { pattern: badPattern } },
  })
  const audit = await runChaos({ db, databaseUrl, sandbox, orders: 12_500, kills: 12 })
  await sandbox.stop()
  const { lost, twice, outOfOrder, misclassified, failed, messages, seconds } = audit
  return {
    what: `chaos: ${messages} events, two senders, 12 kill -9, faults of every kind`,
    measured: `${lost} lost, ${twice} twice, ${outOfOrder} out of order, ${failed} bad ones failed, ${seconds.toFixed(0)} s`,
    target: '0, 0, 0, all bad ones with their reason',
    reached: lost + twice + outOfOrder + misclassified === 0,
  }
}

/** Against a temporary embedded Postgres with the settings of a merchant's. */
export async function benchPush(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'storefeed-bench-'))
  const server = await startOpenPostgres(dataDir)
  try {
    await migrate(server.url)
    for (const { what, measured, target, reached } of await measurePush(server.url))
      process.stdout.write(`${reached ? 'ok  ' : 'MISS'} ${what}: ${measured} (${target})\n`)
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
