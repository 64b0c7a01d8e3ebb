/** Lists of products and stores: orders, counts, ETags, and the filters of numbers and places. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('POST', '/v1/stores/batch', {
    stores: [
      { id: 's1', title: 'One', city: 'Boston', region: 'MA', country_code: 'US' },
      { id: 's2', title: 'Two', city: 'Bern', region: 'BE', country_code: 'CH' },
    ],
  })
  await server.ask('POST', '/v1/products/batch', {
    products: [
      { id: 'a', title: 'Pear, green', price: 3, brand: 'B', store_ids: ['s1', 's2'] },
      { id: 'b', title: 'Apple', price: 20.5, inventory_quantity: 4, store_ids: ['s2'] },
      { id: 'c', title: 'Apple', inventory_quantity: 0 },
      { id: 'd', title: `${'z'.repeat(200)}b`, price: 3 },
      { id: 'e', title: `${'z'.repeat(200)}a`, price: 0.0001, brand: 'b' },
    ],
  })
})
afterAll(() => server.stop())

type Page = {
  products: { id: string }[]
  stores: { id: string }[]
  next_cursor: string | null
  count?: number
  etags?: Record<string, string>
}

async function read(path: string): Promise<Page> {
  const { status, body } = await server.ask('GET', path)
  expect(status).toBe(200)
  return body as Page
}

const idsOf = async (query: string) =>
  (await read(`/v1/products?${query}`)).products.map(({ id }) => id)

async function walk(query: string): Promise<string[]> {
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Page = await read(
      `/v1/products?${query}&limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
    )
    seen.push(...page.products.map(({ id }) => id))
    cursor = page.next_cursor
  }
  return seen
}

test.each([
  ['id', ['a', 'b', 'c', 'd', 'e']],
  ['title', ['b', 'c', 'a', 'd', 'e']],
  ['price', ['e', 'a', 'd', 'b', 'c']],
  ['-price', ['b', 'd', 'a', 'e', 'c']],
])('sort=%s orders the list, and pages of one record show the same', async (sort, ids) => {
  expect(await idsOf(`sort=${sort}`)).toEqual(ids)
  expect(await walk(`sort=${sort}`)).toEqual(ids)
})

test('sort=-updated_at begins with what was written last, to the microsecond', async () => {
  const { db } = server.database
  await db.execute(sql`alter table products disable trigger set_version`)
  await db.execute(sql`
    update products set updated_at = timestamptz '2026-01-01' + (ascii(id) - 100) * interval '1 microsecond'`)
  await db.execute(sql`update products set updated_at = '1900-01-01' where id = 'c'`)
  await db.execute(sql`alter table products enable trigger set_version`)
  expect(await walk('sort=-updated_at')).toEqual(['e', 'd', 'b', 'a', 'c'])
})

test('a cursor belongs to the sort that it came from', async () => {
  const cursors = new Map<string, string>()
  for (const sort of ['id', '-updated_at', 'title', 'price', '-price'])
    cursors.set(sort, String((await read(`/v1/products?sort=${sort}&limit=1`)).next_cursor))
  for (const sort of cursors.keys()) {
    for (const [other, cursor] of cursors) {
      const answer = await server.ask('GET', `/v1/products?sort=${sort}&cursor=${cursor}`)
      expect([sort, other, answer.status]).toEqual([sort, other, sort === other ? 200 : 422])
      if (sort !== other) expect(faultyFields(answer)).toEqual(['cursor'])
    }
  }
})

test.each([
  'price,a,NaN',
  'price,a,1e9',
  'price',
  '-updated_at,a,2026-01-01',
  '-updated_at,a,',
  'toString,a,b',
])('the forged cursor %s is rejected', async (text) => {
  const [sort = ''] = text.split(',')
  const known = ['price', '-updated_at'].includes(sort) ? sort : 'id'
  const cursor = Buffer.from(text).toString('base64url')
  const answer = await server.ask('GET', `/v1/products?sort=${known}&cursor=${cursor}`)
  expect(answer.status).toBe(422)
  expect(faultyFields(answer)).toEqual(['cursor'])
})

test('count=true counts what matches on all pages', async () => {
  const page = await read('/v1/products?count=true&limit=1&store_id=s2')
  expect(page).toMatchObject({ count: 2, products: [{ id: 'a' }] })
  expect(await read('/v1/products?limit=1')).not.toHaveProperty('count')
  expect(await read('/v1/stores?count=true&q=nothing')).toMatchObject({ count: 0 })
})

test('etags=true answers the ETags of single records, so each can be changed with If-Match', async () => {
  for (const kind of ['products', 'stores'] as const) {
    const { etags = {}, [kind]: records } = await read(`/v1/${kind}?etags=true`)
    expect(Object.keys(etags).sort()).toEqual(records.map(({ id }) => id))
    for (const { id } of records) {
      const { headers } = await server.ask('GET', `/v1/${kind}/${id}`)
      expect(headers.get('ETag')).toBe(`"${etags[id]}"`)
    }
  }
})

test('products are found by where they are sold, by brand, by stock and by price', async () => {
  expect(await idsOf('sold=none')).toEqual(['c', 'd', 'e'])
  expect(await idsOf('sold=some')).toEqual(['a', 'b'])
  expect(await idsOf('not_store_id=s1')).toEqual(['b', 'c', 'd', 'e'])
  expect(await idsOf('store_id=s2&not_store_id=s1')).toEqual(['b'])
  expect(await idsOf('brand=B')).toEqual(['a'])
  expect(await idsOf('in_stock=true')).toEqual(['b'])
  expect(await idsOf('in_stock=false')).toEqual(['c'])
  expect(await idsOf('price_min=3&price_max=20.49')).toEqual(['a', 'd'])
  expect(await idsOf('price_max=0.0001')).toEqual(['e'])
})

test('stores are found by city, region and country code, and can be sorted', async () => {
  const stores = async (query: string) =>
    (await read(`/v1/stores?${query}`)).stores.map(({ id }) => id)
  expect(await stores('city=Bern')).toEqual(['s2'])
  expect(await stores('region=MA')).toEqual(['s1'])
  expect(await stores('country_code=CH')).toEqual(['s2'])
  expect(await stores('sort=title')).toEqual(['s1', 's2'])
})

test.each([
  ['products?sort=color', 'sort'],
  ['stores?sort=price', 'sort'],
  ['products?price_min=', 'price_min'],
  ['products?price_max=-1', 'price_max'],
  ['products?price_max=0x10', 'price_max'],
  ['products?sold=maybe', 'sold'],
  ['products?in_stock=1', 'in_stock'],
  ['products?count=yes', 'count'],
  ['stores?country_code=us', 'country_code'],
])('the list %s is rejected, and the faulty parameter is named', async (path, field) => {
  const answer = await server.ask('GET', `/v1/${path}`)
  expect(answer.status).toBe(422)
  expect(faultyFields(answer)).toEqual([field])
})

test('lists are filtered by what the feed report finds, beside other filters', async () => {
  expect(await idsOf('finding=no_price')).toEqual(['c'])
  expect(await idsOf('finding=title_used_twice&count=true')).toEqual(['b', 'c'])
  expect(await idsOf('finding=title_used_twice&store_id=s2')).toEqual(['b'])
  expect(await idsOf('finding=no_coordinates')).toEqual([])
  const stores = await read('/v1/stores?finding=no_coordinates&count=true&etags=true')
  expect(stores).toMatchObject({ count: 2, stores: [{ id: 's1' }, { id: 's2' }] })
  const wrong = await server.ask('GET', '/v1/products?finding=ugly')
  expect([wrong.status, faultyFields(wrong)]).toEqual([422, ['finding']])
})
