/** Rate limits, and limits on wrong keys, as clients see them. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { expect, onTestFinished, test } from 'vitest'
import { ensureKey } from '../../src/auth/api-keys.ts'
import { networkOf } from '../../src/auth/credentials.ts'
import { poll } from '../feeds/polls.ts'
import { elsewhere } from '../support/loopback.ts'
import { type Answer, startTestServer, type TestServer } from '../support/server.ts'

const bearer = (key: string) => ({ Authorization: `Bearer ${key}` })

async function server(rateLimit: number, wrongKeys: number, feedsPublic = false) {
  const started = await startTestServer({ rateLimit, feedsPublic }, { wrongKeys })
  onTestFinished(() => started.stop())
  // The contract of the answers is read once, from the same address.
  await started.ask('GET', '/healthz')
  return started
}

async function makeKey({ database }: TestServer): Promise<string> {
  const key = `key-${randomUUID()}`
  await ensureKey(database.db, key, { name: key, scopes: ['feeds', 'read'] })
  return key
}

/** The statuses of so many requests, one after another. */
async function statuses(times: number, ask: () => Promise<Answer>): Promise<number[]> {
  const seen: number[] = []
  for (let asked = 0; asked < times; asked++) seen.push((await ask()).status)
  return seen
}

test('a key over its limit gets a 429 with Retry-After; another key goes on', async () => {
  const { ask, ...rest } = await server(20, 100)
  const [one, other] = [await makeKey({ ask, ...rest }), await makeKey({ ask, ...rest })]
  // The first request of a key counts for the address, as it is not known yet to be good.
  const seen = await statuses(22, () => ask('GET', '/v1/products', undefined, bearer(one)))
  expect(seen).toEqual([...Array.from({ length: 21 }, () => 200), 429])
  const rejected = await ask('GET', '/v1/products', undefined, bearer(one))
  expect(rejected.headers.get('Content-Type')).toBe('application/problem+json')
  const seconds = Number(rejected.headers.get('Retry-After'))
  expect(seconds).toBeGreaterThan(50)
  expect(seconds).toBeLessThanOrEqual(60)
  expect(rejected.body).toEqual({
    type: 'urn:storefeed:too-many-requests',
    title: 'Too many requests',
    status: 429,
    detail: `A key may send 20 requests a minute. Try again in ${seconds} s.`,
  })
  expect((await ask('GET', '/v1/products', undefined, bearer(other))).status).toBe(200)
})

test('polls count as any other request, also those that are answered with 304', async () => {
  const { ask, ...rest } = await server(5, 100)
  const path = `/feeds/stores.json?key=${await makeKey({ ask, ...rest })}`
  const none = { Authorization: '' }
  const tag = (await ask('GET', path, undefined, none)).headers.get('ETag') ?? ''
  const again = () => ask('GET', path, undefined, { ...none, 'If-None-Match': tag })
  expect(new Set(await statuses(5, again))).toEqual(new Set([304]))
  const rejected = await again()
  expect(rejected.status).toBe(429)
  expect(rejected.headers.get('Retry-After')).toMatch(/^[1-6]?\d$/)
})

test('requests without a key are counted by address, whatever the path, and do not affect those with a key', async () => {
  const { ask, key } = await server(10, 100, true)
  await ask('GET', '/v1/products')
  const none = { Authorization: '' }
  const seen = [
    ...(await statuses(4, () => ask('GET', '/feeds/products.json', undefined, none))),
    ...(await statuses(4, () => ask('GET', '/openapi.json', undefined, none))),
  ]
  expect(new Set(seen)).toEqual(new Set([200]))
  for (const path of ['/feeds/products.json', '/openapi.json', '/v1/products']) {
    const { status } = await ask('GET', path, undefined, none)
    expect([path, status]).toEqual([path, 429])
  }
  expect((await ask('GET', '/v1/products', undefined, bearer(key))).status).toBe(200)
})

test('health checks are not limited', async () => {
  const { ask } = await server(1, 100)
  await expect.poll(async () => (await ask('GET', '/readyz')).status).toBe(200)
  for (const path of ['/healthz', '/readyz'])
    expect(new Set(await statuses(10, () => ask('GET', path)))).toEqual(new Set([200]))
})

test('after some wrong keys an address must wait, and no key of it is looked up', async () => {
  const rig = await server(1000, 3)
  const { ask, database } = rig
  const late = await makeKey(rig)
  const wrong = () => ask('GET', '/v1/products', undefined, bearer(randomUUID()))
  expect(await statuses(5, wrong)).toEqual([401, 401, 401, 429, 429])
  const rejected = await wrong()
  expect(rejected.body).toMatchObject({
    type: 'urn:storefeed:too-many-requests',
    detail: expect.stringMatching(
      /^Too many wrong keys came from this address\. Try again in \d+ s\.$/,
    ),
  })
  expect(Number(rejected.headers.get('Retry-After'))).toBeGreaterThan(50)
  // It is valid, but was never sent from here before: not even that is revealed.
  expect((await ask('GET', '/v1/products', undefined, bearer(late))).status).toBe(429)
  const feed = await ask('GET', `/feeds/stores.json?key=${late}`, undefined, { Authorization: '' })
  expect(feed.status).toBe(429)
  const [row] = await database.db.execute(
    sql`select last_used_at from api_keys where name = ${late}`,
  )
  expect(row).toEqual({ last_used_at: null })
})

test('a key that was valid from an address goes on there while others are guessed', async () => {
  const rig = await server(1000, 3)
  const { ask } = rig
  const path = `/feeds/stores.json?key=${await makeKey(rig)}`
  const poll = () => ask('GET', path, undefined, { Authorization: '' })
  expect((await poll()).status).toBe(200)
  const wrong = () => ask('GET', '/v1/products', undefined, bearer(randomUUID()))
  expect(await statuses(4, wrong)).toEqual([401, 401, 401, 429])
  expect(await statuses(5, poll)).toEqual([200, 200, 200, 200, 200])
})

test.skipIf(!elsewhere)(
  'a key that was valid from one address is not trusted at another',
  async () => {
    const rig = await server(5, 2, true)
    const key = await makeKey(rig)
    const at = (localAddress?: string) => (path: string, given?: string) =>
      poll(`${rig.url}${path}`, {
        ...(localAddress ? { localAddress } : {}),
        ...(given ? { headers: bearer(given) } : {}),
      }).then(({ status }) => status)
    const [here, there] = [at(), at(elsewhere)]
    expect(await here('/v1/products', key)).toBe(200)
    for (let wrong = 0; wrong < 2; wrong++)
      expect(await there('/v1/products', randomUUID())).toBe(401)
    expect(await there('/v1/products', key)).toBe(429)
    // With these the address has used up what it may ask.
    for (let count = 0; count < 2; count++) expect(await there('/feeds/stores.json')).toBe(200)
    expect(await there('/feeds/stores.json', key)).toBe(429)
    expect(await here('/feeds/stores.json', key)).toBe(200)
    expect(await here('/v1/products', key)).toBe(200)
  },
)

test('a key that is revoked is trusted no longer, and counts as a wrong one', async () => {
  const rig = await server(1000, 2)
  const { ask, database } = rig
  const key = await makeKey(rig)
  const read = () => ask('GET', '/v1/products', undefined, bearer(key))
  expect((await read()).status).toBe(200)
  await database.db.execute(sql`update api_keys set revoked_at = now() where name = ${key}`)
  expect(await statuses(4, read)).toEqual([401, 401, 429, 429])
})

test('of many wrong keys at once no more are looked up than one after another', async () => {
  const { ask } = await server(1000, 5)
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => ask('GET', '/v1/keys', undefined, bearer(randomUUID()))),
  )
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(5)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(45)
})

test('many first requests with the same valid key at once do not count as guesses', async () => {
  const rig = await server(1000, 2)
  const key = await makeKey(rig)
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => rig.ask('GET', '/v1/products', undefined, bearer(key))),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['fe80::1:2:3:4:5:6', 'fe80:0:1:2'],
  ['::1', '0:0:0:0'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
