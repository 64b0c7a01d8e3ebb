/** Unusual values that are allowed come back as they were sent. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test.each([0, 0.0001, 0.1, 19.99, 1234567890.1234, 9_999_999_999])(
  'the price %d comes back to the digit',
  async (price) => {
    const { body } = await server.ask('PUT', '/v1/products/price', { title: 'x', price })
    expect(body).toMatchObject({ price })
  },
)

test.each(['96385074', '036000291452', '4006381333931', '10614141000415'])(
  'the GTIN %s comes back to the digit',
  async (gtin) => {
    const { body } = await server.ask('PUT', '/v1/products/gtin', { title: 'x', gtin })
    expect(body).toMatchObject({ gtin })
  },
)

test.each([
  ['4006381333932', 'has a wrong check digit: 4006381333932 should end with 1'],
  ['036000291453', 'has a wrong check digit: 036000291453 should end with 2'],
  ['400638133393', 'has a wrong check digit: 400638133393 should end with 0'],
  ['40063813339', 'must have 8, 12, 13 or 14 digits'],
  ['4006381-33393', 'must have 8, 12, 13 or 14 digits'],
  ['٤٠٠٦٣٨١٣', 'must have 8, 12, 13 or 14 digits'],
  ['', 'must have 8, 12, 13 or 14 digits'],
  [4006381333931, 'must be a string, got 4006381333931'],
])('the GTIN %j is rejected: %s', async (gtin, detail) => {
  const { status, body } = await server.ask('PUT', '/v1/products/bad', { title: 'x', gtin })
  expect([status, body]).toMatchObject([422, { errors: [{ field: 'gtin', detail }] }])
})

test('a price of minus nothing is nothing', async () => {
  const { text } = await server.ask('PUT', '/v1/products/minus', '{"title": "x", "price": -0}')
  expect(text).toContain('"price":0,')
})

test('metadata may be named like what every object of JavaScript has', async () => {
  const metadata = { constructor: 'a', toString: 1, hasOwnProperty: true, valueOf: '' }
  const made = await server.ask('PUT', '/v1/products/names', { title: 'x', metadata })
  expect(made.body).toMatchObject({ metadata })
  const { body } = await server.ask('PATCH', '/v1/products/names', {
    metadata: { constructor: null },
  })
  const { constructor: _, ...rest } = metadata
  expect((body as { metadata: object }).metadata).toEqual(rest)
})

test('metadata takes numbers as long as a float keeps them', async () => {
  const metadata = { tiny: 5e-324, large: 1e300, third: 1 / 3, whole: Number.MAX_SAFE_INTEGER }
  const { body } = await server.ask('PUT', '/v1/products/numbers', { title: 'x', metadata })
  expect(body).toMatchObject({ metadata })
})

test('texts keep quotes, markup, line breaks, emoji and white space', async () => {
  const odd = '  "\'\\ <b>&amp;</b> ]]> \r\n\t 🙂 \u2028 \ufeff \ufffd é e\u0301 $1 %s {} '
  const input = { title: odd, description: odd, brand: odd, categories: [odd, '', odd] }
  const made = await server.ask('PUT', '/v1/products/odd', { ...input, metadata: { odd } })
  expect(made.body).toMatchObject({ ...input, metadata: { odd } })
})

test('a list of categories keeps its order and what stands in it twice', async () => {
  const categories = ['b', 'a', 'b', 'NULL', '{}', 'a"b', 'c,d']
  const { body } = await server.ask('PUT', '/v1/products/list', { title: 'x', categories })
  expect(body).toMatchObject({ categories })
})
