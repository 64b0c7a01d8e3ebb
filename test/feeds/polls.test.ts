import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { gzip, poll, pollItems } from './polls.ts'
import { until } from './until.ts'

let server: TestServer
const at = (file: string) => `${server.url}/feeds/${file}`

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true })
  await server.database.db.execute(sql`
    insert into products (id, title, price) select 'p' || n, 'Product ' || n, n from generate_series(1, 300) n`)
  await server.database.db.execute(sql`insert into stores (id, title) values ('s1', 'Boston')`)
  await poll(at('products.json'))
  await poll(at('stores.json'))
})
afterAll(() => server.stop())

test('an answer says what it is, how long, of which version, and that it is to be asked for again', async () => {
  const { status, headers, body } = await poll(at('products.json'))
  expect(status).toBe(200)
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(body.length),
    'cache-control': 'no-cache',
    vary: 'Accept-Encoding',
    'x-content-type-options': 'nosniff',
    'x-feed-version': expect.stringMatching(/^\d+$/),
    'x-feed-items': '300',
    'x-feed-state': 'fresh',
    etag: expect.stringMatching(/^"[^"]+"$/),
  })
  expect(headers).not.toHaveProperty('content-encoding')
  expect(headers).not.toHaveProperty('warning')
  expect((await poll(at('products.xml'))).headers['content-type']).toBe(
    'application/xml; charset=utf-8',
  )
})

test.each([
  ['nothing at all', {}],
  ['an Accept that wants something else', { Accept: 'image/png' }],
  ['a User-Agent of one letter', { 'User-Agent': 'x' }],
  ['an unknown query, as caches add it', { 'X-Query': '?_=1' }],
])('whoever asks with %s gets the feed at once, without a redirect', async (_, headers) => {
  const query = 'X-Query' in headers ? headers['X-Query'] : ''
  expect((await poll(`${at('stores.json')}${query}`, { headers })).status).toBe(200)
})

test.each([{}, gzip])('HEAD responds as GET, without the body: %o', async (encoding) => {
  const headers = { ...encoding, 'X-Request-Id': 'both' }
  // A feed has no date while it may still get another version of that second.
  await until(
    () => poll(at('products.xml')),
    (answer) => answer.headers['last-modified'] !== undefined,
  )
  const [got, head] = [
    await poll(at('products.xml'), { headers }),
    await poll(at('products.xml'), { headers, method: 'HEAD' }),
  ]
  const { date: _got, ...ofGet } = got.headers
  const { date: _date, ...ofHead } = head.headers
  expect(ofHead).toEqual(ofGet)
  expect(head.status).toBe(200)
  expect(head.body.length).toBe(0)
})

describe('ETags', () => {
  test('are strong, and differ by format, encoding and part', async () => {
    const tags = await Promise.all([
      tagOf('products.json'),
      tagOf('products.json', gzip),
      tagOf('products.xml'),
      tagOf('products.xml', gzip),
      tagOf('products.1-of-2.json'),
      tagOf('products.2-of-2.json'),
      tagOf('stores.json'),
    ])
    expect(new Set(tags).size).toBe(tags.length)
    for (const tag of tags) expect(tag).toMatch(/^"/)
  })

  test('stay while nothing changes, and go with every edit, also of a part', async () => {
    const before = await tagOf('products.1-of-1.json')
    expect(await tagOf('products.json')).toBe(before)
    await server.ask('PATCH', '/v1/products/p1', { title: 'Another' })
    expect(await tagOf('products.json')).not.toBe(before)
  })

  test('that match are answered with 304: one of a list, weak ones, and *', async () => {
    const tag = await tagOf('products.json', gzip)
    for (const wanted of [tag, `"a", ${tag}`, `W/${tag}`, '*']) {
      const { status, headers, body } = await poll(at('products.json'), {
        headers: { ...gzip, 'If-None-Match': wanted },
      })
      expect([wanted, status, body.length]).toEqual([wanted, 304, 0])
      expect(headers).toMatchObject({ etag: tag, vary: 'Accept-Encoding' })
      expect(headers).not.toHaveProperty('content-type')
    }
  })

  test('of another encoding or version do not match, and then the date is not asked', async () => {
    const { headers } = await poll(at('products.json'), { headers: gzip })
    for (const wanted of [await tagOf('products.json'), '"0-0-0-gzip"']) {
      const { status } = await poll(at('products.json'), {
        headers: {
          ...gzip,
          'If-None-Match': wanted,
          'If-Modified-Since': headers['last-modified'] ?? 'Fri, 01 Jan 2100 00:00:00 GMT',
        },
      })
      expect(status).toBe(200)
    }
  })

  async function tagOf(file: string, headers: Record<string, string> = {}) {
    return (await poll(at(file), { headers })).headers.etag ?? ''
  }
})

test('dates are sent once their second is over, and match until something changes', async () => {
  await server.ask('PATCH', '/v1/stores/s1', { title: 'Boston, new' })
  expect((await poll(at('stores.json'))).headers).not.toHaveProperty('last-modified')
  const date = await until(
    async () => (await poll(at('stores.json'))).headers['last-modified'],
    (date) => date !== undefined,
  )
  const since = { headers: { 'If-Modified-Since': date ?? '' } }
  expect((await poll(at('stores.json'), since)).status).toBe(304)
  await server.ask('PATCH', '/v1/stores/s1', { title: 'Boston, newer' })
  expect((await poll(at('stores.json'), since)).status).toBe(200)
  expect((await poll(at('stores.json'), { headers: { 'If-Modified-Since': 'x' } })).status).toBe(
    200,
  )
})

test('a date matches only itself: a feed that was restored, or built by a clock set back, is older', async () => {
  const date = await untilDated()
  const answer = async (ms: number) => {
    const since = new Date(Date.parse(date) + ms).toUTCString()
    return (await poll(at('stores.json'), { headers: { 'If-Modified-Since': since } })).status
  }
  expect(await Promise.all([-3_600_000, -1000, 0, 1000, 3_600_000].map(answer))).toEqual([
    200, 200, 304, 200, 200,
  ])
})

test('no two versions have the same date, however fast they follow and whatever the clock says', async () => {
  const dates = new Set<string>()
  // Set back by an hour, it makes the date of the version before lie ahead.
  for (const ahead of [0, 3600]) {
    await server.database.db.execute(sql`
      update feed_state set modified_at = modified_at + ${ahead} * interval '1 second' where feed = 'stores'`)
    for (let edit = 0; edit < 3; edit++) {
      await server.ask('PATCH', '/v1/stores/s1', { title: `Boston ${ahead} ${edit}` })
      await poll(at('stores.json'))
      const [row] = await server.database.db.execute<{ at: string }>(
        sql`select modified_at::text as at from feed_state where feed = 'stores'`,
      )
      dates.add(row?.at ?? '')
    }
  }
  expect(dates.size).toBe(6)
  expect((await poll(at('stores.json'))).headers).not.toHaveProperty('last-modified')
})

async function untilDated(): Promise<string> {
  return until(
    async () => (await poll(at('stores.json'))).headers['last-modified'] ?? '',
    (date) => date !== '',
  )
}

describe('gzip', () => {
  test.each(['gzip', 'x-gzip', 'GZIP', '*', 'deflate, gzip;q=0.1, br', 'gzip; q=1', '*;q=0, gzip'])(
    'is sent for Accept-Encoding: %s',
    async (header) => {
      const { headers, body, text } = await poll(at('products.json'), {
        headers: { 'Accept-Encoding': header },
      })
      expect(headers).toMatchObject({
        'content-encoding': 'gzip',
        'content-length': String(body.length),
      })
      expect(text).toBe((await poll(at('products.json'))).text)
    },
  )

  test.each(['', 'identity', 'br, deflate', 'gzip;q=0', 'gzip;q=0.000, *', '*;q=0', 'gzipped'])(
    'is not sent for Accept-Encoding: %s',
    async (header) => {
      const { headers } = await poll(at('products.json'), {
        headers: { 'Accept-Encoding': header },
      })
      expect(headers).not.toHaveProperty('content-encoding')
    },
  )
})

test.each([2, 8, 64])('the parts 1 to %i hold the items of the whole, in its order', async (of) => {
  const whole = await pollItems(at('products.json'))
  const parts = await Promise.all(
    Array.from({ length: of }, (_, place) => pollItems(at(`products.${place + 1}-of-${of}.json`))),
  )
  expect(parts.flat()).toEqual(whole)
  expect(whole.length).toBe(300)
  const { headers, text } = await poll(at(`products.2-of-${of}.xml`), { headers: gzip })
  expect(Number(headers['x-feed-items'])).toBe(parts[1]?.length)
  expect(text.match(/<Product>/g)?.length ?? 0).toBe(parts[1]?.length)
})

test.each([
  ['customers.json', 'The feeds are products.json, products.xml, stores.json and stores.xml.'],
  ['products.csv', 'The feeds are products.json, products.xml, stores.json and stores.xml.'],
  ['products', 'The feeds are products.json, products.xml, stores.json and stores.xml.'],
  ['products.json/', 'The feeds are products.json, products.xml, stores.json and stores.xml.'],
  ['products.1-of-3.json', 'A feed can be split into 1, 2, 4, 8, 16, 32, 64 parts'],
  ['products.1-of-0.json', 'A feed can be split into 1, 2, 4, 8, 16, 32, 64 parts'],
  ['stores.1-of-128.xml', 'A feed can be split into 1, 2, 4, 8, 16, 32, 64 parts'],
  ['stores.0-of-8.xml', 'Parts are numbered from 1 to 8.'],
  ['stores.9-of-8.xml', 'Parts are numbered from 1 to 8.'],
])('%s is not there, and the answer says what is', async (file, words) => {
  const { status, headers, text } = await poll(at(file))
  expect(status).toBe(404)
  expect(headers['content-type']).toBe('application/problem+json')
  expect(JSON.parse(text)).toEqual({
    type: 'urn:storefeed:not-found',
    title: 'Not found',
    status: 404,
    detail: expect.stringContaining(words),
  })
})
