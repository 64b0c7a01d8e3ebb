/** In charge of showing that nothing is lost, doubled, short, cut or mixed while everything fails that can. */
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
import { openWire, type Wire } from '../support/wire.ts'
import { findLost, readBooks } from './books.ts'
import { faultKinds, type Ground, planFaults } from './fault-kinds.ts'
import { openLedger } from './ledger.ts'
import { createOwnPostgres, type OwnPostgres } from './own-postgres.ts'
import { startPollers } from './pollers.ts'
import { type Chance, seeded } from './seeded.ts'
import { type Supervised, supervise } from './supervised.ts'
import { type Field, startWriters, storeCount } from './writers.ts'

const key = 'key-of-a-storm-of-faults'
const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 1_000_000))
const fewestFaults = 50

let own: OwnPostgres
let wire: Wire
let sandbox: RunningSandbox
let connection: Connection
let adminUrl: string
let tillUrl: string
let servers: readonly [Supervised, Supervised]

beforeAll(async () => {
  own = await createOwnPostgres()
  adminUrl = databaseAt(own.url, 'shop')
  tillUrl = adminUrl.replace('storefeed@', 'shop@')
  await askPostgres(own.url, 'create role shop login; create role other login')
  await askPostgres(own.url, 'create database shop owner shop')
  await migrate(tillUrl)
  connection = connect(tillUrl, { max: 2 })
  await connection.db.execute(sql`
    insert into stores (id, title) select 's' || n, 'Store ' || n from generate_series(0, ${storeCount}) n`)
  await connection.db.execute(
    sql`insert into customers (id, email) values ('c-till', 'till@klaviyo-demo.com')`,
  )
  sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  wire = await openWire(new URL(tillUrl))
  const settings = {
    DATABASE_URL: Object.assign(new URL(tillUrl), { port: String(wire.port) }).href,
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
  await wire?.cut()
  await sandbox?.stop()
  await own?.remove()
}, 60_000)

async function untilReady({ url }: Supervised): Promise<void> {
  const giveUpAt = Date.now() + 30_000
  const isReady = () =>
    poll(`${url}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    )
  while (!(await isReady())) {
    if (Date.now() > giveUpAt) throw new Error(`${url} did not become ready`)
    await delay(50)
  }
}

test(`more than ${fewestFaults} faults of every kind: no acknowledged write is lost, each event arrives once and in order, every feed is whole (FAULTS_SEED=${seed})`, async () => {
  const chance = seeded(seed)
  const ledger = openLedger()
  const stopping = new AbortController()
  const field: Field = { servers, key, tillUrl, ledger, signal: stopping.signal }
  const work = Promise.all([startWriters(field), startPollers(field)])
  const began = performance.now()
  const struck = await storm({ own, adminUrl, wire, sandbox, servers }, chance)
  const stormSeconds = (performance.now() - began) / 1_000
  stopping.abort()
  await work
  await Promise.all(servers.map(untilReady))
  await untilSent()
  report(struck, stormSeconds, ledger)

  expect({
    wrong: ledger.wrong,
    deaths: servers.flatMap(({ deaths }) => deaths),
    lost: await findLost(connection.db, ledger),
  }).toEqual({ wrong: [], deaths: [], lost: [] })
  const books = await readBooks(connection.db, sandbox)
  expect(books.arrived).toEqual(books.written)
  await expectFeedsAsFromScratch()
  expect(Object.values(struck).reduce((sum, times) => sum + times, 0)).toBeGreaterThan(fewestFaults)
  expect(ledger.counts.acknowledged).toBeGreaterThan(500)
}, 180_000)

async function storm(ground: Ground, chance: Chance): Promise<Record<string, number>> {
  const struck: Record<string, number> = {}
  for (const kind of planFaults(chance)) {
    if (process.env.TRACE) process.stdout.write(`${new Date().toISOString()} ${kind}\n`)
    await faultKinds[kind]?.strike(ground, chance)
    struck[kind] = (struck[kind] ?? 0) + 1
    await delay(50 + chance.number(300))
  }
  sandbox.state.dice = createFaultInjector()
  return struck
}

/** The back-off is shortened, or the last stragglers would take minutes. */
async function untilSent(): Promise<void> {
  const giveUpAt = Date.now() + 60_000
  for (;;) {
    const [row] = await connection.db.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting from outbox where status = 'pending'`)
    if (row?.waiting === 0) return
    if (Date.now() > giveUpAt) throw new Error(`${row?.waiting} messages were never sent`)
    await connection.db.execute(sql`
      update outbox set next_at = now() where status = 'pending' and next_at > now() + interval '2 seconds'`)
    await delay(250)
  }
}

const feeds = ['products.json', 'products.xml', 'stores.json', 'stores.xml']

/** What is served after all changes must be what one makes who has never seen any. */
async function expectFeedsAsFromScratch(): Promise<void> {
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
  const grown = await read()
  await connection.db.execute(sql`delete from feed_chunks`)
  await connection.db.execute(sql`delete from feed_state`)
  expect(await read()).toEqual(grown)
}

function report(struck: Record<string, number>, seconds: number, ledger: Field['ledger']): void {
  const kinds = Object.entries(struck).sort()
  const total = kinds.reduce((sum, [, times]) => sum + times, 0)
  const disk = own.hasOwnDisk ? 'a disk that was full' : 'triggers that say so'
  const lines = [
    `storm: FAULTS_SEED=${seed}, ${total} faults of ${kinds.length} kinds in ${seconds.toFixed(1)} s (disk full by ${disk})`,
    ...kinds.map(([kind, times]) => `  ${String(times).padStart(3)} ${kind}`),
    `  ${JSON.stringify(ledger.counts)}, slowest ${JSON.stringify(ledger.slowestMs)}, ${sandbox.state.account.journal.entries.length} events, ${sandbox.state.account.journal.drops.length} repeats that Klaviyo drops`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
