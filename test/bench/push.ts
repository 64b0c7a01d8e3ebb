/** In charge of measuring the push wing: how soon, how fast, and how it stands chaos. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as tick } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { connect, type Database } from '../../src/db/connect.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { startSandbox } from '../../src/sandbox/listen.ts'
import { badPattern, runChaos } from '../klaviyo/chaos.ts'
import { seedOrders, statuses, unlimited } from '../klaviyo/seed.ts'

type Measured = { what: string; measured: string; target: string; reached: boolean }

type Place = { db: Database; databaseUrl: string }

const senderProgram = fileURLToPath(new URL('../klaviyo/sending-process.ts', import.meta.url))
const mainProgram = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const backlogOrders = 33_334
/** Orders before the first that counts: a new process is slow. */
const warmUp = 20
const klaviyoBulkPerMinute = 150_000

/** Each measurement begins with empty tables. */
async function measurePush(databaseUrl: string): Promise<Measured[]> {
  const { db, close } = connect(databaseUrl, { max: 4 })
  const place = { db, databaseUrl }
  try {
    return [
      await measureDelay(place),
      await measureBacklog(place, { limits: false }),
      await measureBacklog(place, { limits: true }),
      await measureChaos(place),
    ]
  } finally {
    await close()
  }
}

async function empty(db: Database): Promise<void> {
  await db.execute(
    sql`truncate orders, customers, order_items, order_updates, visits, outbox, stores cascade`,
  )
  await db.execute(sql`update push_lanes set requests = '{}', paused_until = null, alarm = null`)
}

async function measureDelay({ db, databaseUrl }: Place): Promise<Measured> {
  await empty(db)
  const sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  const sender = await start(['--import', 'tsx', senderProgram, databaseUrl, sandbox.url])
  const { entries } = sandbox.state.account.journal
  const delays: number[] = []
  for (let order = 0; order < warmUp + 201; order++) {
    const before = entries.length
    await seedOrders(db, 1, { prefix: `d${order}x` })
    const committed = performance.now()
    while (entries.length === before) await tick()
    if (order >= warmUp) delays.push(performance.now() - committed)
    while (entries.length < before + 3) await tick()
    await sleep(20)
  }
  sender.kill()
  await sandbox.stop()
  const median = delays.sort((a, b) => a - b)[Math.floor(delays.length / 2)] ?? Number.NaN
  return {
    what: 'commit of an order to its request, median',
    measured: `${median.toFixed(1)} ms`,
    target: '<= 10 ms',
    reached: median <= 10,
  }
}

async function measureBacklog(
  { db, databaseUrl }: Place,
  { limits }: { limits: boolean },
): Promise<Measured> {
  await empty(db)
  await seedOrders(db, backlogOrders)
  const flags = limits ? [] : ['--no-limits']
  const sandbox = await start(['--import', 'tsx', mainProgram, 'sandbox', '--port', '0', ...flags])
  const share = String(limits ? 0.97 : unlimited)
  const sender = await start(['--import', 'tsx', senderProgram, databaseUrl, sandbox.url, share])
  const began = performance.now()
  while ((await statuses(db)).pending) await sleep(200)
  const seconds = (performance.now() - began) / 1_000
  const answer = await fetch(`${sandbox.url}/sandbox/stats`)
  const { requests } = JSON.parse(await answer.text())
  sender.kill()
  sandbox.kill()
  const perSecond = (3 * backlogOrders) / seconds
  const target = limits ? (0.9 * klaviyoBulkPerMinute) / 60 : 5_000
  return {
    what: `backlog of 100,000 events, limits ${limits ? 'on' : 'off'}`,
    measured: `${Math.round(perSecond)} events/s, ${requests.throttled} times 429`,
    target: `>= ${target} events/s${limits ? ', no 429' : ''}`,
    reached: perSecond >= target && requests.throttled === 0,
  }
}

async function measureChaos({ db, databaseUrl }: Place): Promise<Measured> {
  await empty(db)
  const faults = { throttle: 0.06, error: 0.06, hang: 0.02, cut: 0.03, lost: 0.03 }
  const sandbox = await startSandbox({
    port: 0,
    settings: { limits: false },
    faults: { ...faults, bad: { pattern: badPattern } },
  })
  const books = await runChaos({ db, databaseUrl, sandbox, orders: 12_500, kills: 12 })
  await sandbox.stop()
  const { lost, twice, outOfOrder, misjudged, buried, messages, seconds } = books
  return {
    what: `chaos: ${messages} events, two senders, 12 kill -9, faults of every kind`,
    measured: `${lost} lost, ${twice} twice, ${outOfOrder} out of order, ${buried} bad ones buried, ${seconds.toFixed(0)} s`,
    target: '0, 0, 0, all bad ones with their reason',
    reached: lost + twice + outOfOrder + misjudged === 0,
  }
}

/** Resolves when the program says that it runs; `url` is what it says it listens at. */
async function start(args: string[]): Promise<ChildProcess & { url: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await once(child.stdout, 'data')
  return Object.assign(child, { url: /http:\S+/.exec(String(said))?.[0] ?? '' })
}

/** Against an embedded Postgres as a merchant's would be, made for this and thrown away. */
export async function benchPush(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'storefeed-bench-'))
  const server = await startEmbedded(dataDir)
  try {
    await migrate(server.url)
    for (const { what, measured, target, reached } of await measurePush(server.url))
      process.stdout.write(`${reached ? 'ok  ' : 'MISS'} ${what}: ${measured} (${target})\n`)
  } finally {
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}
