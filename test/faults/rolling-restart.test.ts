/** In charge of showing that servers can be restarted one after the other, under load, without one failed request. */
import { Agent } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Running, start } from '../cli/command-line.ts'
import { createSendingRig, type SendingRig } from '../cli/sending.ts'
import { until } from '../feeds/until.ts'
import { statuses } from '../klaviyo/seed.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { exchange } from './exchange.ts'

const key = 'key-of-a-rolling-restart'
const perSecond = 200
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

test('two servers restarted in turn, twice, at 200 requests a second: not one request fails, and each event is there once', async () => {
  const load = startLoad()
  for (let restart = 0; restart < 2 * cycles; restart++) {
    const ended = await servers[restart % 2]?.end('SIGTERM')
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' })
    servers[restart % 2] = await startServer()
  }
  const { failed, asked, seconds, orders } = await load.stop()
  process.stdout.write(
    `rolling restart: ${2 * cycles} restarts, ${asked} requests in ${seconds.toFixed(1)} s, ${failed.length} failed\n`,
  )
  expect({ failed, unanswered: balancer.failures }).toEqual({ failed: [], unanswered: [] })
  expect(asked / seconds).toBeGreaterThan(0.95 * perSecond)
  await until(
    () => statuses(rig.db),
    (counts) => counts.sent === 2 * orders,
  )
  const [kept] = await rig.db.execute(sql`select count(*)::int as orders from orders`)
  expect(kept).toEqual({ orders })
  expect([rig.recorded().length, rig.drops()]).toEqual([2 * orders, []])
}, 120_000)

/** At a steady pace, whether answers are there or not. */
function startLoad() {
  const agent = new Agent({ keepAlive: true })
  const began = performance.now()
  const failed: string[] = []
  const under = new Set<Promise<void>>()
  let asked = 0
  async function ask(number: number) {
    const { path, good = [200], ...request } = requestOf(number)
    const fault = await exchange(balancer.url + path, { ...request, agent }).then(
      ({ status, body }) => (good.includes(status) ? undefined : `${status} ${body}`),
      (error: Error) => error.message,
    )
    if (fault !== undefined) failed.push(`${request.method ?? 'GET'} ${path}: ${fault}`)
  }
  const timer = setInterval(() => {
    const due = ((performance.now() - began) * perSecond) / 1000
    while (asked < due) {
      const answered: Promise<void> = ask(asked++).finally(() => under.delete(answered))
      under.add(answered)
    }
  }, 5)
  return {
    async stop() {
      await delay(1_000)
      clearInterval(timer)
      const seconds = (performance.now() - began) / 1000
      await Promise.all(under)
      agent.destroy()
      return { asked, failed, seconds, orders: Math.ceil(asked / kinds.length) }
    },
  }
}

type Load = {
  path: string
  method?: string
  body?: object
  headers?: Record<string, string>
  good?: number[]
}

const authorization = { Authorization: `Bearer ${key}` }
const gzip = { 'Accept-Encoding': 'gzip' }
const product = (number: number) => `/v1/products/p${number % 97}`

/** One after the other, so that every tenth is an order. */
const kinds: ((number: number) => Load)[] = [
  (number) => ({
    method: 'PUT',
    path: `/v1/orders/o${number}`,
    headers: authorization,
    body: {
      total: 5,
      customer: { id: `c${number}`, email: `jo${number}@klaviyo-demo.com` },
      items: [{ product_id: 'p' }],
    },
    good: [201],
  }),
  ...Array<(number: number) => Load>(2).fill((number) => ({
    method: 'PUT',
    path: product(number),
    headers: authorization,
    body: { title: `Title ${number}`, price: number % 100 },
    good: [200, 201],
  })),
  ...Array<(number: number) => Load>(4).fill((number) => ({
    path: product(number),
    headers: authorization,
    good: [200, 404],
  })),
  () => ({ path: '/feeds/products.json', headers: gzip }),
  () => ({ path: '/feeds/products.xml' }),
  () => ({ path: '/feeds/stores.json' }),
]

const requestOf = (number: number): Load =>
  kinds[number % kinds.length]?.(number) ?? { path: '/healthz' }
