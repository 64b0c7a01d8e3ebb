/** How soon an order is sent, and how fast a backlog is. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
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
const requestStart = 'http.server.request.start'

const delayTargetMs = 3

/** From the answer to COMMIT until the sandbox has the request. Node tells of it: to look again and again would take a core. */
export async function measureDelay({ db, databaseUrl }: BenchDatabase): Promise<Measurement> {
  await emptyTables(db)
  const sandbox = await startSandbox({ port: 0, settings: { limits: false } })
  const sender = await start(['--import', 'tsx', senderProgram, databaseUrl, sandbox.url])
  const { entries } = sandbox.state.account.eventLog
  const delays: number[] = []
  let arrived = () => {}
  const onRequest = () => arrived()
  subscribe(requestStart, onRequest)
  for (let order = 0; order < warmUp + 201; order++) {
    const before = entries.length
    const arrival = new Promise<number>((resolve) => {
      arrived = () => resolve(performance.now())
    })
    await seedOrders(db, 1, { prefix: `d${order}x` })
    const committed = performance.now()
    const delay = (await arrival) - committed
    if (order >= warmUp) delays.push(delay)
    while (entries.length < before + 3) await sleep(1)
    await sleep(20)
  }
  unsubscribe(requestStart, onRequest)
  sender.kill()
  await sandbox.stop()
  const median = delays.sort((a, b) => a - b)[Math.floor(delays.length / 2)] ?? Number.NaN
  return {
    what: 'commit of an order to its request, median',
    measured: `${median.toFixed(1)} ms`,
    target: `<= ${delayTargetMs} ms`,
    reached: median <= delayTargetMs,
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
