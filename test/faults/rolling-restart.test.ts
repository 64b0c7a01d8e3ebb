/** Servers can be restarted one after the other, under load, without a failed request. */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, start } from '../cli/command-line.ts'
import { createSendingRig, type SendingRig } from '../cli/sending.ts'
import { until } from '../feeds/until.ts'
import { statuses } from '../klaviyo/seed.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { sendRequest } from './http-client.ts'

const key = 'key-of-a-rolling-restart'
/** Less on a machine that cannot serve three times as much: beyond its capacity requests fail without any restart. */
const maxPerSecond = 200
const minPerSecond = 20
const cycles = 2

let rig: SendingRig
let balancer: Balancer
let servers: Running[] = []

beforeAll(async () => {
  rig = await createSendingRig()
  await rig.reset()
  balancer = await startBalancer()
  servers = [await startServer(), await startServer()]
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.end()))
  await balancer.stop()
  await rig.close()
})

async function startServer(): Promise<Running> {
  const server = start(['serve'], {
    ...rig.settings,
    // The default, which the other tests do without.
    STOP_GRACE: '',
    API_KEY: key,
    RATE_LIMIT: '1000000',
    FEEDS_PUBLIC: 'true',
  })
  const [, url = ''] = await server.printed(/"url":"(http:[^"]+)".*"msg":"storefeed serves"/)
  await balancer.add(url)
  return server
}

test('two servers are restarted twice each under load: no request fails, each event is recorded once', async () => {
  const perSecond = Math.min(maxPerSecond, Math.floor((await measureCapacity()) / 3))
  expect(perSecond).toBeGreaterThan(minPerSecond)
  const load = startLoad(perSecond)
  for (let restart = 0; restart < 2 * cycles; restart++) {
    const ended = await servers[restart % 2]?.end('SIGTERM')
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    servers[restart % 2] = await startServer()
  }
  const { failed, sent, seconds, orders } = await load.stop()
  process.stdout.write(
    `rolling restart: ${2 * cycles} restarts, ${sent} requests in ${seconds.toFixed(1)} s at ${perSecond} a second, ${failed.length} failed\n`,
  )
  expect({ failed, unanswered: balancer.failures }).toEqual({ failed: [], unanswered: [] })
  expect(sent / seconds).toBeGreaterThan(0.95 * perSecond)
  await until(
    () => statuses(rig.db),
    (counts) => counts.sent === 2 * orders,
  )
  const [stored] = await rig.db.execute(sql`select count(*)::int as orders from orders`)
  expect(stored).toEqual({ orders })
  expect([rig.recorded().length, rig.drops()]).toEqual([2 * orders, []])
}, 120_000)

/** Requests a second that eight clients get answered, each sending the next one after its response. */
async function measureCapacity(): Promise<number> {
  const agent = new Agent({ keepAlive: true })
  const seconds = 3
  const end = performance.now() + seconds * 1000
  let answered = 0
  async function client() {
    while (performance.now() < end) {
      // Without orders, which the test counts.
      const { path, expected: _, ...request } = requestOf(1 + (answered++ % (loads.length - 1)))
      await sendRequest(balancer.url + path, { ...request, agent })
    }
  }
  await Promise.all(Array.from({ length: 8 }, client))
  agent.destroy()
  return answered / seconds
}

/** At a constant rate, whether responses have arrived or not. */
function startLoad(perSecond: number) {
  const agent = new Agent({ keepAlive: true })
  const startedAt = performance.now()
  const failed: string[] = []
  const inFlight = new Set<Promise<void>>()
  let sent = 0
  async function send(number: number) {
    const { path, expected = [200], ...request } = requestOf(number)
    const failure = await sendRequest(balancer.url + path, { ...request, agent }).then(
      ({ status, body }) => (expected.includes(status) ? undefined : `${status} ${body}`),
      (error: Error) => error.message,
    )
    if (failure !== undefined) failed.push(`${request.method ?? 'GET'} ${path}: ${failure}`)
  }
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) * perSecond) / 1000
    while (sent < due) {
      const settled: Promise<void> = send(sent++).finally(() => inFlight.delete(settled))
      inFlight.add(settled)
    }
  }, 5)
  return {
    async stop() {
      await delay(1_000)
      clearInterval(timer)
      const seconds = (performance.now() - startedAt) / 1000
      await Promise.all(inFlight)
      agent.destroy()
      return { sent, failed, seconds, orders: Math.ceil(sent / loads.length) }
    },
  }
}

type Load = {
  path: string
  method?: string
  body?: object
  headers?: Record<string, string>
  expected?: number[]
}

const authorization = { Authorization: `Bearer ${key}` }
const gzip = { 'Accept-Encoding': 'gzip' }
const product = (number: number) => `/v1/products/p${number % 97}`

/** In rotation, so that every tenth is an order. */
const loads: ((number: number) => Load)[] = [
  (number) => ({
    method: 'PUT',
    path: `/v1/orders/o${number}`,
    headers: authorization,
    body: {
      total: 5,
      customer: { id: `c${number}`, email: `jo${number}@klaviyo-demo.com` },
      items: [{ product_id: 'p' }],
    },
    expected: [201],
  }),
  ...Array<(number: number) => Load>(2).fill((number) => ({
    method: 'PUT',
    path: product(number),
    headers: authorization,
    body: { title: `Title ${number}`, price: number % 100 },
    expected: [200, 201],
  })),
  ...Array<(number: number) => Load>(4).fill((number) => ({
    path: product(number),
    headers: authorization,
    expected: [200, 404],
  })),
  () => ({ path: '/feeds/products.json', headers: gzip }),
  () => ({ path: '/feeds/products.xml' }),
  () => ({ path: '/feeds/stores.json' }),
]

const requestOf = (number: number): Load =>
  loads[number % loads.length]?.(number) ?? { path: '/healthz' }
