/** Nothing is lost, duplicated, truncated or mixed up while everything that can fails. */
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, connect } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createFaultInjector } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { databaseAt } from '../support/database.ts'
import { askPostgres } from '../support/postgres-client.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { expectFeedsAsRebuilt, findLostWrites, readEvents, untilSent } from './consistency.ts'
import { createDisposablePostgres, type DisposablePostgres } from './disposable-postgres.ts'
import { type FaultTargets, faultKinds, planFaults } from './fault-kinds.ts'
import { startPollers } from './pollers.ts'
import { type Random, seededRandom } from './seeded-random.ts'
import { type SupervisedServer, superviseTwo, untilReady } from './supervisor.ts'
import { createWriteLog } from './write-log.ts'
import { seedWorkload, startWriters, type Workload } from './writers.ts'

const key = 'key-of-the-random-faults'
const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 1_000_000))
const minFaults = 50

let postgres: DisposablePostgres
let proxy: TcpProxy
let sandbox: RunningSandbox
let connection: Connection
let adminUrl: string
let posUrl: string
let servers: readonly [SupervisedServer, SupervisedServer]

beforeAll(async () => {
  postgres = await createDisposablePostgres()
  adminUrl = databaseAt(postgres.url, 'shop')
  posUrl = adminUrl.replace('storefeed@', 'shop@')
  await askPostgres(postgres.url, 'create role shop login; create role other login')
  await askPostgres(postgres.url, 'create database shop owner shop')
  await migrate(posUrl)
  connection = connect(posUrl, { max: 2 })
  await seedWorkload(connection.db)
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  proxy = await openTcpProxy(new URL(posUrl))
  servers = await superviseTwo(proxy.url, sandbox, { API_KEY: key, FEED_WAIT: '1s' })
})
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.stop()))
  await connection?.close()
  await proxy?.disconnect()
  await sandbox?.stop()
  await postgres?.remove()
})

test(`more than ${minFaults} faults of every kind: no acknowledged write is lost, each event arrives once and in order, every feed is complete (FAULTS_SEED=${seed})`, async () => {
  const random = seededRandom(seed)
  const writeLog = createWriteLog()
  const stopping = new AbortController()
  const workload: Workload = { servers, key, posUrl, writeLog, signal: stopping.signal }
  const work = Promise.all([startWriters(workload), startPollers(workload)])
  const startedAt = performance.now()
  const injected = await injectAll({ postgres, adminUrl, proxy, sandbox, servers }, random)
  const seconds = (performance.now() - startedAt) / 1_000
  stopping.abort()
  await work
  await Promise.all(servers.map(untilReady))
  await untilSent(connection.db)
  report(injected, seconds, writeLog)

  expect({
    wrong: writeLog.wrong,
    crashes: servers.flatMap(({ crashes }) => crashes),
    lost: await findLostWrites(connection.db, writeLog),
  }).toEqual({ wrong: [], crashes: [], lost: [] })
  const events = await readEvents(connection.db, sandbox)
  expect(events.recorded).toEqual(events.written)
  await expectFeedsAsRebuilt(connection.db, servers, key)
  expect(Object.values(injected).reduce((sum, times) => sum + times, 0)).toBeGreaterThan(minFaults)
  expect(writeLog.counts.acknowledged).toBeGreaterThan(500)
}, 180_000)

async function injectAll(targets: FaultTargets, random: Random): Promise<Record<string, number>> {
  const injected: Record<string, number> = {}
  for (const kind of planFaults(random)) {
    if (process.env.TRACE) process.stdout.write(`${new Date().toISOString()} ${kind}\n`)
    await faultKinds[kind]?.inject(targets, random)
    injected[kind] = (injected[kind] ?? 0) + 1
    await delay(50 + random.number(300))
  }
  sandbox.state.faultInjector = createFaultInjector()
  return injected
}

function report(
  injected: Record<string, number>,
  seconds: number,
  writeLog: Workload['writeLog'],
): void {
  const kinds = Object.entries(injected).sort()
  const total = kinds.reduce((sum, [, times]) => sum + times, 0)
  const disk = postgres.hasOwnDisk ? 'a full tmpfs' : 'triggers'
  const lines = [
    `random faults: FAULTS_SEED=${seed}, ${total} faults of ${kinds.length} kinds in ${seconds.toFixed(1)} s (disk full by ${disk})`,
    ...kinds.map(([kind, times]) => `  ${String(times).padStart(3)} ${kind}`),
    `  ${JSON.stringify(writeLog.counts)}, slowest ${JSON.stringify(writeLog.slowestMs)}, ${sandbox.state.account.eventLog.entries.length} events, ${sandbox.state.account.eventLog.drops.length} duplicates dropped by Klaviyo`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
