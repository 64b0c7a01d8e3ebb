/** Invalid values: every invalid field is named, and nothing is written in part. */
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

afterEach(async () => {
  const [left] = await server.database.db.execute(sql`
    select (select count(*)::int from products) + (select count(*)::int from stores)
      + (select count(*)::int from catalog_ids) + (select count(*)::int from product_stores) as rows`)
  expect(left).toEqual({ rows: 0 })
})

test('every faulty field of path, query and body is named at once', async () => {
  const answer = await server.ask('PUT', '/v1/products/a,b?dry_run=1', {
    title: 5,
    price: '330',
    categories: ['fine', null, ['deep']],
    in_store_only: 'yes',
    inventory_quantity: '1,5',
    inventory_policy: 3,
    metadata: { 'no-dash': 1, title: 'taken', list: [], fine: true },
    store_ids: 'boston',
    colour: 'red',
  })
  expect(answer.status).toBe(422)
  expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  expect(answer.body).toMatchObject({
    type: 'urn:storefeed:invalid',
    title: 'Validation failed',
    status: 422,
  })
  expect(answer.body).toMatchObject({
    errors: expect.arrayContaining([
      { field: 'dry_run', detail: 'unknown field' },
      { field: 'price', detail: 'must be a number, got "330"' },
      { field: 'in_store_only', detail: 'must be true or false, got "yes"' },
      { field: 'inventory_quantity', detail: 'must be a number, got "1,5"' },
      {
        field: 'colour',
        detail: expect.stringMatching(/^unknown field \(the known ones: id, sku, /),
      },
    ]),
  })
  expect(faultyFields(answer).sort()).toEqual([
    'categories.1',
    'categories.2',
    'colour',
    'dry_run',
    'id',
    'in_store_only',
    'inventory_policy',
    'inventory_quantity',
    'metadata.list',
    'metadata.no-dash',
    'metadata.title',
    'price',
    'store_ids',
    'title',
  ])
})

test.each([
  ['a negative price', '"price": -0.01', 'price'],
  ['a price too large for any number', '"price": 1e400', 'price'],
  ['a price of five decimals', '"price": 1.00001', 'price'],
  ['a price past the column', '"price": 10000000000', 'price'],
  ['a price as text', '"price": "1"', 'price'],
  ['more stock than fits', '"inventory_quantity": 2147483648', 'inventory_quantity'],
  [
    'two pictures',
    '"image_link": "https://x.example/1.jpg, https://x.example/2.jpg"',
    'image_link',
  ],
  ['a NUL', '"brand": "a\\u0000b"', 'brand'],
  ['half a surrogate pair', '"sku": "\\ud83d"', 'sku'],
  ['the other half', '"description": "\\ude00 x"', 'description'],
  ['a NUL in a category', '"categories": ["\\u0000"]', 'categories.0'],
  ['a lone surrogate in metadata', '"metadata": { "a": "\\udfff" }', 'metadata.a'],
  ['a number in metadata past every float', '"metadata": { "a": 1e400 }', 'metadata.a'],
  ['a null in metadata', '"metadata": { "a": null }', 'metadata.a'],
  ['a deep __proto__', '"metadata": { "__proto__": "x" }', '__proto__'],
  ['a __proto__', '"__proto__": { "title": "x" }', '__proto__'],
  ['a constructor', '"constructor": { "prototype": 1 }', 'constructor'],
  ['a text too long', `"sku": "${'s'.repeat(256)}"`, 'sku'],
  ['a title of white space', '"title": " \\t\\u00a0\\u0085\\u200b"', 'title'],
  ['too many categories', `"categories": ${JSON.stringify(Array(501).fill('c'))}`, 'categories'],
])('%s is rejected', async (_what, member, field) => {
  const answer = await server.ask('POST', '/v1/products', `{"title": "T", "id": "x", ${member}}`)
  expect(answer.status).toBe(422)
  expect(faultyFields(answer)).toEqual([field])
})

test.each(['[]', '"text"', '7', 'null', 'true'])('the body %s is no record', async (body) => {
  const answer = await server.ask('PATCH', '/v1/products/x', body)
  expect(answer.status).toBe(422)
  expect(answer.body).toMatchObject({ detail: 'The body has the wrong type.' })
})

test('too much metadata is rejected', async () => {
  const metadata = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, n]))
  const answer = await server.ask('POST', '/v1/stores', { id: 'x', title: 'x', metadata })
  expect(answer.body).toMatchObject({
    errors: [{ field: 'metadata', detail: 'may hold at most 100 keys' }],
  })
})

test('an address that does not exist is a problem too', async () => {
  for (const path of ['/v2/products', '/v1/products/a/b/c', '/docs/constructor', '/feeds/']) {
    const answer = await server.ask('GET', path)
    expect(answer.status).toBe(404)
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
  }
})

test('the directory of the feeds is no address, with a key or without', async () => {
  for (const path of ['/feeds', '/feeds/', '/feeds/?key=none'])
    expect((await server.ask('GET', path, undefined, { Authorization: '' })).status).toBe(404)
})
