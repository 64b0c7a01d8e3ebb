/** What a server does without its database, and that it recovers with it. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ensureKey } from '../../src/auth/api-keys.ts'
import { readConfig } from '../../src/config.ts'
import { createLogger } from '../../src/server/logger.ts'
import { type RunningServer, startServer } from '../../src/server/server.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { asker } from '../support/server.ts'
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'

const key = 'key-of-these-tests'
let database: TestDatabase
let proxy: TcpProxy
let server: RunningServer
beforeAll(async () => {
  database = await createTestDatabase()
  await ensureKey(database.db, key, { name: 'tests', scopes: ['admin'] })
  proxy = await openTcpProxy(new URL(database.url))
  const config = { ...readConfig({}), host: '127.0.0.1', port: 0, feedsPublic: true }
  server = await startServer(config, proxy.url, createLogger('silent'))
})
afterAll(async () => {
  await server.stop()
  await proxy.disconnect()
  await database.close()
})

const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 50 })

test('a server without its database lives, is not ready, asks to try again, and recovers', async () => {
  const ask = asker(server.url, key)
  await ask('PUT', '/v1/products/before', { title: 'Before' })
  await until(async () => {
    expect((await ask('GET', '/feeds/products.json')).text).toContain('Before')
  })
  const metrics = async () => (await ask('GET', '/metrics')).text
  expect(await metrics()).toContain('storefeed_database_up 1')
  await proxy.disconnect()
  expect((await ask('GET', '/healthz')).status).toBe(200)
  expect(await metrics()).toMatch(/^storefeed_database_up 0$/m)
  expect(await metrics()).toContain('storefeed_feed_polls_total{feed="products"')
  expect((await asker(server.url, 'no-such-key')('GET', '/metrics')).status).toBe(503)
  const ready = await ask('GET', '/readyz')
  expect([ready.status, ready.body]).toEqual([
    503,
    { status: 'not ready', problems: ['The database does not answer.'] },
  ])
  for (const [method, body] of [
    ['GET', undefined],
    ['PUT', { title: 'x' }],
  ] as const) {
    const answer = await ask(method, '/v1/products/x', body)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Retry-After')).toBe('5')
    expect(answer.body).toEqual({
      type: 'urn:storefeed:unavailable',
      title: 'Temporarily unavailable',
      status: 503,
      detail: 'The database does not answer. Try again later.',
    })
  }
  await proxy.restore()
  await until(async () => {
    expect((await ask('GET', '/v1/products/before')).status).toBe(200)
  })
})

test('writes that break off in the middle are rejected, never a failure, and the next ones go through', async () => {
  const ask = asker(server.url, key)
  await ask('PUT', '/v1/products/before', { title: 'Before' })
  const products = Array.from({ length: 300 }, (_, n) => ({ id: `many-${n}`, title: 'x' }))
  const batch = { products: products.map((one) => ({ ...one, title: 'y' })) }
  const writes = Array.from({ length: 6 }, () => ask('POST', '/v1/products/batch', batch))
  const patches = Array.from({ length: 6 }, (_, n) =>
    ask('PATCH', '/v1/products/before', { metadata: { [`k${n}`]: n } }),
  )
  await Promise.race(writes)
  await proxy.disconnect()
  const statuses = (await Promise.all([...writes, ...patches])).map(({ status }) => status)
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([])
  await proxy.restore()
  await until(async () => {
    expect((await ask('GET', '/v1/products/before')).status).toBe(200)
  })
})

test('a database that says nothing at all costs nobody more than seconds: writes get a 503, polls get the last good feed', async () => {
  const ask = asker(server.url, key)
  await ask('PUT', '/v1/products/before', { title: 'Before' })
  await until(async () => {
    expect((await ask('GET', '/feeds/products.json')).headers.get('X-Feed-State')).toBe('fresh')
  })
  proxy.stall()
  const began = performance.now()
  const answers = await Promise.all([
    ...Array.from({ length: 60 }, () => ask('PUT', '/v1/products/silent', { title: 'x' })),
    ...Array.from({ length: 60 }, () => ask('GET', '/v1/products/before')),
  ])
  expect(performance.now() - began).toBeLessThan(8_000)
  const polled = await ask('GET', '/feeds/products.json')
  for (const { status, headers } of answers)
    expect([status, headers.get('Retry-After')]).toEqual([503, '5'])
  expect([polled.status, polled.headers.get('X-Feed-State')]).toEqual([200, 'stale'])
  await proxy.restore()
  await until(async () => {
    expect((await ask('GET', '/v1/products/before')).status).toBe(200)
  })
})

test('a machine of the database that vanishes without closing its connections is given up, for another under its address', async () => {
  const ask = asker(server.url, key)
  const busy = Array.from({ length: 30 }, (_, n) =>
    Promise.all([
      ask('PUT', `/v1/products/busy-${n}`, { title: 'Busy' }),
      ask('GET', '/feeds/products.json'),
    ]),
  )
  await Promise.all(busy)
  proxy.vanish()
  await until(async () => {
    expect((await ask('PUT', '/v1/products/after', { title: 'After' })).status).toBeOneOf([
      200, 201,
    ])
    expect((await ask('GET', '/readyz')).body).toEqual({ status: 'ready', problems: [] })
    const polled = await ask('GET', '/feeds/products.json')
    expect(polled.headers.get('X-Feed-State')).toBe('fresh')
    expect(polled.text).toContain('After')
  })
}, 120_000)
