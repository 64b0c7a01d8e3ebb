/** Nothing is lost, duplicated, truncated or mixed up while everything that can fails. */
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, connect } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createFaultInjector } from '../../src/klaviyo-sandbox/faults/fault-injector.ts'
import { type RunningSandbox, startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { poll } from '../feeds/polls.ts'
import { databaseAt } from '../support/database.ts'
import { freePort } from '../support/loopback.ts'
import { askPostgres } from '../support/postgres-client.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { findLostWrites, readEvents } from './consistency.ts'
import { createDisposablePostgres, type DisposablePostgres } from './disposable-postgres.ts'
import { type FaultTargets, faultKinds, planFaults } from './fault-kinds.ts'
import { startPollers } from './pollers.ts'
import { type Random, seededRandom } from './seeded-random.ts'
import { type SupervisedServer, supervise } from './supervisor.ts'
import { createWriteLog } from './write-log.ts'
import { startWriters, storeCount, type Workload } from './writers.ts'

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
  await connection.db.execute(sql`
    insert into stores (id, title) select 's' || n, 'Store ' || n from generate_series(0, ${storeCount}) n`)
  await connection.db.execute(
    sql`insert into customers (id, email) values ('c-pos', 'pos@klaviyo-demo.com')`,
  )
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  proxy = await openTcpProxy(new URL(posUrl))
  const settings = {
    DATABASE_URL: Object.assign(new URL(posUrl), { port: String(proxy.port) }).href,
    API_KEY: key,
    RATE_LIMIT: '1000000',
    KLAVIYO_URL: sandbox.url,
    KLAVIYO_API_KEY: 'pk_right',
    KLAVIYO_RATE_SHARE: '1000',
    FEED_WAIT: '1s',
  }
  servers = [supervise(await freePort(), settings), supervise(await freePort(), settings)]
  await Promise.all(servers.map(untilReady))
}, 60_000)
afterAll(async () => {
  await Promise.all((servers ?? []).map((server) => server.stop()))
  await connection?.close()
  await proxy?.disconnect()
  await sandbox?.stop()
  await postgres?.remove()
}, 60_000)

async function untilReady({ url }: SupervisedServer): Promise<void> {
  const deadline = Date.now() + 30_000
  const isReady = () =>
    poll(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  while (!(await isReady())) {
    if (Date.now() > deadline) throw new Error(`${url} did not become ready`)
    await delay(50)
  }
}

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
  await untilSent()
  report(injected, seconds, writeLog)

  expect({
    wrong: writeLog.wrong,
    crashes: servers.flatMap(({ crashes }) => crashes),
    lost: await findLostWrites(connection.db, writeLog),
  }).toEqual({ wrong: [], crashes: [], lost: [] })
  const events = await readEvents(connection.db, sandbox)
  expect(events.recorded).toEqual(events.written)
  await expectFeedsAsRebuilt()
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

/** Shortens the back-off, which could last minutes. */
async function untilSent(): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const [row] = await connection.db.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting from outbox where status = 'pending'`)
    if (row?.waiting === 0) return
    if (Date.now() > deadline) throw new Error(`${row?.waiting} messages were not sent`)
    await connection.db.execute(sql`
      update outbox set next_at = now() where status = 'pending' and next_at > now() + interval '2 seconds'`)
    await delay(250)
  }
}

const feeds = ['products.json', 'products.xml', 'stores.json', 'stores.xml']

/** Incrementally updated feeds must equal feeds rebuilt from nothing. */
async function expectFeedsAsRebuilt(): Promise<void> {
  const read = async () => {
    const texts: Record<string, string> = {}
    for (const { url } of servers) {
      for (const feed of feeds) {
        const { headers, text } = await poll(`${url}/feeds/${feed}?key=${key}`)
        expect(headers['x-feed-state']).toBe('fresh')
        expect(texts[feed] ?? text).toBe(text)
        texts[feed] = text
      }
    }
    return texts
  }
  const updated = await read()
  await connection.db.execute(sql`delete from feed_chunks`)
  await connection.db.execute(sql`delete from feed_state`)
  expect(await read()).toEqual(updated)
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
