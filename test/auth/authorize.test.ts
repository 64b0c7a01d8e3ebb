/** Which scope each route needs, and how a feed takes its key. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureKey, type Scope, scopes } from '../../src/auth/api-keys.ts'
import { type OpenApi, patternOf } from '../support/contract.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
const keys = new Map<Scope, string>()
beforeAll(async () => {
  server = await startTestServer()
  for (const scope of scopes) {
    const key = `only-${scope}-${randomUUID()}`
    await ensureKey(server.database.db, key, { name: scope, scopes: [scope] })
    keys.set(scope, key)
  }
  await server.ask('PUT', '/v1/products/p', { title: 'P' })
  await server.ask('PUT', '/v1/stores/s', { title: 'S' })
})
afterAll(() => server.stop())

const catalog = (kind: string, id: string): [Scope, string, string][] => [
  ['read', 'GET', `/v1/${kind}`],
  ['read', 'GET', `/v1/${kind}/${id}`],
  ['write', 'POST', `/v1/${kind}`],
  ['write', 'PATCH', `/v1/${kind}`],
  ['write', 'POST', `/v1/${kind}/batch`],
  ['write', 'POST', `/v1/${kind}/bulk`],
  ['write', 'PUT', `/v1/${kind}/${id}`],
  ['write', 'PATCH', `/v1/${kind}/${id}`],
  ['write', 'DELETE', `/v1/${kind}/nothing`],
]

const routes: [Scope, string, string][] = [
  ...catalog('products', 'p'),
  ...catalog('stores', 's'),
  ['write', 'PUT', '/v1/products/p/stores/s'],
  ['write', 'DELETE', '/v1/products/p/stores/s'],
  ['write', 'PUT', '/v1/stores/s/products/p'],
  ['write', 'DELETE', '/v1/stores/s/products/p'],
  ['write', 'POST', '/v1/availability/batch'],
  ['read', 'GET', '/v1/changes'],
  ['read', 'GET', '/v1/changes/00000000-0000-4000-8000-000000000000'],
  ['write', 'POST', '/v1/changes/00000000-0000-4000-8000-000000000000/undo'],
  ['write', 'POST', '/v1/availability/bulk'],
  ['read', 'GET', '/v1/catalog/values'],
  ['read', 'GET', '/v1/customers/c'],
  ['write', 'PUT', '/v1/customers/c'],
  ['write', 'PATCH', '/v1/customers/c'],
  ['admin', 'DELETE', '/v1/customers/nobody'],
  ['read', 'POST', '/v1/customers/search'],
  ['write', 'POST', '/v1/visits'],
  ['read', 'GET', '/v1/visits'],
  ['read', 'GET', '/v1/orders'],
  ['write', 'POST', '/v1/orders'],
  ['read', 'GET', '/v1/orders/o'],
  ['write', 'PUT', '/v1/orders/o'],
  ['write', 'POST', '/v1/orders/o/fulfillments'],
  ['write', 'POST', '/v1/orders/o/cancellations'],
  ['write', 'POST', '/v1/orders/o/refunds'],
  ['read', 'GET', '/v1/events'],
  ['read', 'GET', '/v1/events/1'],
  ['read', 'GET', '/v1/events/summary'],
  ['read', 'GET', '/v1/events/errors'],
  ['write', 'POST', '/v1/events/retry'],
  ['write', 'POST', '/v1/events/discard'],
  ['write', 'POST', '/v1/events/1/retry'],
  ['write', 'POST', '/v1/events/1/discard'],
  ['read', 'GET', '/v1/feeds'],
  ['read', 'GET', '/v1/feeds/products/held'],
  ['read', 'GET', '/v1/feeds/products/items/p'],
  ['read', 'GET', '/v1/feeds/products/report'],
  ['read', 'GET', '/v1/feeds/products/report/summary'],
  ['read', 'GET', '/v1/imports'],
  ['read', 'GET', '/v1/imports/formats'],
  ['write', 'POST', '/v1/imports'],
  ['read', 'GET', '/v1/imports/i'],
  ['write', 'POST', '/v1/imports/i/check'],
  ['write', 'POST', '/v1/imports/i/apply'],
  ['read', 'GET', '/v1/imports/i/rejects'],
  ['write', 'DELETE', '/v1/imports/i'],
  ['read', 'GET', '/v1/exports/products'],
  ['read', 'GET', '/v1/me'],
  ['read', 'GET', '/metrics'],
  ['admin', 'POST', '/v1/feeds/products/release'],
  ['admin', 'POST', '/v1/keys'],
  ['admin', 'GET', '/v1/keys'],
  ['admin', 'DELETE', '/v1/keys/999'],
  ['feeds', 'GET', '/feeds/products.json'],
]

/** The scopes that a key may have, one of which is enough. */
const enough: Record<Scope, Scope[]> = {
  feeds: ['feeds', 'admin'],
  read: ['read', 'write', 'admin'],
  write: ['write', 'admin'],
  admin: ['admin'],
}

test('the routes tried here are all that there are', async () => {
  const { paths } = (await server.ask('GET', '/openapi.json')).body as OpenApi
  const open = ['/healthz', '/readyz', '/openapi.json']
  for (const [path, operations] of Object.entries(paths)) {
    for (const method of open.includes(path) ? [] : Object.keys(operations)) {
      const tried = routes.some(
        ([, asked, at]) => asked.toLowerCase() === method && patternOf(path).test(at),
      )
      expect(tried, `${method} ${path}`).toBe(true)
    }
  }
})

test.each(routes)('%s is needed to %s %s', async (wanted, method, path) => {
  const body = ['POST', 'PUT', 'PATCH'].includes(method) ? '{}' : undefined
  for (const headers of [{ Authorization: '' }, { Authorization: 'Bearer unknown' }]) {
    const answer = await server.ask(method, path, body, headers)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="storefeed"/)
    expect(answer.body).toMatchObject({ type: 'urn:storefeed:unauthorized' })
  }
  for (const [scope, key] of keys) {
    const headers = { Authorization: `Bearer ${key}` }
    const answer = await server.ask(method, path, body, headers)
    if (enough[wanted].includes(scope)) expect([401, 403]).not.toContain(answer.status)
    else {
      expect(answer.status).toBe(403)
      expect(answer.body).toMatchObject({
        type: 'urn:storefeed:forbidden',
        detail: `This needs a key with the scope "${wanted}"; the key given has "${scope}".`,
      })
      expect(answer.text).not.toContain(key)
    }
  }
})

test('the key is checked before the body is looked at', async () => {
  const answer = await server.ask('POST', '/v1/products', '{', { Authorization: '' })
  expect(answer.status).toBe(401)
})

test('a feed takes its key from the query, as the password of Basic, or as a Bearer key', async () => {
  const key = keys.get('feeds') ?? ''
  const colons = `:with:colons:${randomUUID()}:`
  const quotes = `'"\\' or true --${randomUUID()}`
  for (const [name, one] of Object.entries({ colons, quotes }))
    await ensureKey(server.database.db, one, { name, scopes: ['feeds'] })
  const basic = (pair: string) => ({
    Authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
  })
  const ways: [number, string, Record<string, string>][] = [
    [200, `?key=${key}`, { Authorization: '' }],
    [200, '', basic(`klaviyo:${key}`)],
    [200, '', basic(`:${key}`)],
    [200, '', { Authorization: `bearer ${key}` }],
    [200, '', basic(`klaviyo:${colons}`)],
    [200, '', basic(`:${colons}`)],
    [401, '', basic(`klaviyo:x:${key}`)],
    [401, '', basic(key.replace('only', 'other'))],
    [401, '', basic(`${key}:`)],
    [200, `?key=${encodeURIComponent(quotes)}`, { Authorization: '' }],
    [401, `?key=${encodeURIComponent(`x${quotes}`)}`, { Authorization: '' }],
    [401, '?key=', { Authorization: '' }],
    [401, '?key=wrong', { Authorization: `Bearer ${key}` }],
    [403, `?key=${keys.get('read')}`, { Authorization: '' }],
  ]
  for (const [status, query, headers] of ways) {
    const answer = await server.ask('GET', `/feeds/stores.json${query}`, undefined, headers)
    expect([status, query, answer.status]).toEqual([status, query, status])
  }
})

test('REST takes no key from the query and none as a password', async () => {
  const query = `?key=${server.key}`
  const none = { Authorization: '' }
  expect((await server.ask('GET', `/v1/products${query}`, undefined, none)).status).toBe(401)
  const pair = Buffer.from(`x:${server.key}`).toString('base64')
  const basic = { Authorization: `Basic ${pair}` }
  expect((await server.ask('GET', '/v1/products', undefined, basic)).status).toBe(401)
})

test('with FEEDS_PUBLIC feeds need no key, and everything else still does', async () => {
  const open = await startTestServer({ feedsPublic: true })
  try {
    const none = { Authorization: '' }
    expect((await open.ask('GET', '/feeds/products.xml', undefined, none)).status).toBe(200)
    expect((await open.ask('GET', '/v1/products', undefined, none)).status).toBe(401)
  } finally {
    await open.stop()
  }
})
