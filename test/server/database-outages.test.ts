/** The database goes away again and again, at whatever moment: the server answers and lives on. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { ensureKey } from '../../src/auth/api-keys.ts'
import { type Ended, type Running, start } from '../cli/command-line.ts'
import { sessionOf } from '../console/console.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const key = `admin-${randomUUID()}`
let database: TestDatabase
let proxy: TcpProxy
let server: Running
let url: string

beforeAll(async () => {
  database = await createTestDatabase()
  await ensureKey(database.db, key, { name: 'tests', scopes: ['admin'] })
  proxy = await openTcpProxy(new URL(database.directUrl))
  server = start(['serve'], { DATABASE_URL: proxy.url })
  const [, printed = ''] = await server.printed(/"url":"([^"]+)"/)
  url = printed
})
afterAll(async () => {
  await server.end()
  await proxy.disconnect()
  await database.close()
})

const documented = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })

async function readablePaths(): Promise<string[]> {
  const { paths } = documented.parse(await (await fetch(`${url}/openapi.json`)).json())
  return Object.entries(paths)
    .filter(([, operations]) => 'get' in operations)
    .map(([path]) => path.replaceAll(/\{\w+\}/g, 'products'))
}

const pages = [
  '',
  '/products',
  '/products/p',
  '/stores',
  '/availability',
  '/feeds',
  '/attention',
  '/import',
  '/deliveries',
  '/orders',
  '/people',
  '/keys',
  '/changes',
].map((page) => `/console${page}`)

const outages = 25
const askersAtOnce = 12

test('no outage ends the server, whatever it is doing', async () => {
  const paths = [...(await readablePaths()), ...pages, '/metrics', '/readyz', '/readyz']
  const headers = {
    Authorization: `Bearer ${key}`,
    Cookie: await sessionOf({ url, key }),
    'Content-Type': 'application/json',
  }
  let ended: Ended | undefined
  void server.ended.then((end) => {
    ended = end
  })
  const statuses = new Set<number>()
  let isOver = false
  async function ask(from: number) {
    for (let n = from; !isOver && !ended; n += askersAtOnce) {
      const path = paths[n % paths.length] ?? '/readyz'
      const isWrite = n % 7 === 0
      const response = await (isWrite
        ? fetch(`${url}/v1/products/p`, { method: 'PUT', headers, body: '{"title":"P"}' })
        : fetch(url + path, { headers, redirect: 'manual' })
      ).catch(() => undefined)
      await response?.text().catch(() => undefined)
      if (response) statuses.add(response.status)
      await delay(5)
    }
  }
  const asking = Array.from({ length: askersAtOnce }, (_, n) => ask(n))
  for (let outage = 0; outage < outages && !ended; outage++) {
    await proxy.disconnect()
    await delay(Math.random() * 300)
    await proxy.restore()
    await delay(Math.random() * 500)
  }
  isOver = true
  await Promise.all(asking)
  expect(ended?.stderr).toBeUndefined()
  expect([200, 503].every((status) => statuses.has(status))).toBe(true)
  expect(statuses).not.toContain(500)
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200)
}, 120_000)
