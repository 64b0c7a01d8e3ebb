/** How soon an order is sent, and how fast a backlog is. */
import { setTimeout as sleep, setImmediate as tick } from 'node:timers/promises'
import { startSandbox } from '../../src/klaviyo-sandbox/listen.ts'
import { seedOrders, statuses, unlimited } from '../klaviyo/seed.ts'
import {
  type BenchDatabase,
  bulkTarget,
  countThrottled,
  emptyTables,
  type Measurement,
  mainProgram,
  seedManyOrders,
  senderProgram,
  start,
} from './push-setup.ts'

const backlogOrders = 33_334
/** Orders before the first that is measured: a new process is slow. */
const warmUp = 20

export async function measureDelay({ db, databaseUrl }: BenchDatabase): Promise<Measurement> {
  await emptyTables(db)
  const sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  const sender = await start(['--import', 'tsx', senderProgram, databaseUrl, sandbox.url])
  const { entries } = sandbox.state.account.eventLog
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

export async function measureBacklog(
  { db, databaseUrl }: BenchDatabase,
  { limits }: { limits: boolean },
): Promise<Measurement> {
  await emptyTables(db)
  await seedManyOrders(db, backlogOrders)
  const flags = limits ? [] : ['--no-limits']
  const sandbox = await start(['--import', 'tsx', mainProgram, 'sandbox', '--port', '0', ...flags])
  const share = String(limits ? 0.97 : unlimited)
  const sender = await start(['--import', 'tsx', senderProgram, databaseUrl, sandbox.url, share])
  const began = performance.now()
  while ((await statuses(db)).pending) await sleep(200)
  const seconds = (performance.now() - began) / 1_000
  const throttled = await countThrottled(sandbox.url)
  sender.kill()
  sandbox.kill()
  const perSecond = (3 * backlogOrders) / seconds
  const target = limits ? bulkTarget : 5_000
  return {
    what: `backlog of 100,000 events, limits ${limits ? 'on' : 'off'}`,
    measured: `${Math.round(perSecond)} events/s, ${throttled} times 429`,
    target: `>= ${target} events/s${limits ? ', no 429' : ''}`,
    reached: perSecond >= target && throttled === 0,
  }
}
