/** Lists of products and stores: pages and filters. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.ask('POST', '/v1/stores/batch', {
    stores: [
      { id: 's-east', title: 'East', city: 'Boston', categories: ['Outlet'] },
      { id: 's-west', title: 'West', location: 'Bay Area', published: false },
      { id: 's-100%', title: 'Hundred' },
    ],
  })
  await server.ask('POST', '/v1/products/batch', {
    products: [
      { id: 'a', title: '100% wool', sku: 'W_1', categories: ['Wool', 'in-store-only'] },
      { id: 'b', title: '1000 wool', sku: 'WX1', in_store_only: true, store_ids: ['s-east'] },
      { id: 'c', title: 'Crème Brûlée', published: false, store_ids: ['s-east', 's-west'] },
      { id: 'd\\', title: 'Back\\slash', categories: ['wool', 'Wool, fine'] },
    ],
  })
})
afterAll(() => server.stop())

type Page = { next_cursor: string | null } & Record<string, { id: string }[]>

async function idsOf(path: string, key = 'products'): Promise<string[]> {
  const { status, body } = await server.ask('GET', path)
  expect(status).toBe(200)
  return ((body as Page)[key] ?? []).map(({ id }) => id)
}

/** What a test lists it makes itself, under ids of its own, and takes away again: others list all. */
function removeAfterwards(prefix: string): void {
  onTestFinished(async () => {
    await server.database.db.execute(sql`delete from products where starts_with(id, ${prefix})`)
  })
}

async function walk(first: string, between = async () => {}): Promise<string[]> {
  const seen: string[] = []
  for (let path: string | null = first; path !== null; ) {
    const { body } = await server.ask('GET', path)
    const { products = [], next_cursor } = body as Page
    seen.push(...products.map(({ id }) => id))
    await between()
    path = next_cursor && `${first}&cursor=${encodeURIComponent(next_cursor)}`
  }
  return seen
}

test('q finds a part of id, title or sku in any case, and takes % and _ and \\ as they are', async () => {
  expect(await idsOf('/v1/products?q=WOOL')).toEqual(['a', 'b'])
  expect(await idsOf('/v1/products?q=100%25')).toEqual(['a'])
  expect(await idsOf('/v1/products?q=w_1')).toEqual(['a'])
  expect(await idsOf('/v1/products?q=%5C')).toEqual(['d\\'])
  expect(await idsOf(`/v1/products?q=${encodeURIComponent('CRÈME')}`)).toEqual(['c'])
  expect(await idsOf('/v1/products?q=')).toEqual(['a', 'b', 'c', 'd\\'])
  expect(await idsOf('/v1/products?q=nothing-like-it')).toEqual([])
})

test('q finds stores by id, title, location or city', async () => {
  expect(await idsOf('/v1/stores?q=bos', 'stores')).toEqual(['s-east'])
  expect(await idsOf('/v1/stores?q=bay', 'stores')).toEqual(['s-west'])
  expect(await idsOf('/v1/stores?q=100%25', 'stores')).toEqual(['s-100%'])
})

test('category means the whole name of one category, with those that the feed adds', async () => {
  expect(await idsOf('/v1/products?category=Wool')).toEqual(['a'])
  expect(await idsOf('/v1/products?category=wool')).toEqual(['d\\'])
  expect(await idsOf('/v1/products?category=Wool,%20fine')).toEqual(['d\\'])
  expect(await idsOf('/v1/products?category=in-store-only')).toEqual(['a', 'b'])
  expect(await idsOf('/v1/stores?category=Outlet', 'stores')).toEqual(['s-east'])
  expect(await idsOf('/v1/stores?category=store-location', 'stores')).toHaveLength(3)
})

test('store_id and product_id find what is linked', async () => {
  expect(await idsOf('/v1/products?store_id=s-east')).toEqual(['b', 'c'])
  expect(await idsOf('/v1/products?store_id=unknown')).toEqual([])
  expect(await idsOf('/v1/stores?product_id=c', 'stores')).toEqual(['s-east', 's-west'])
})

test('in_store_only and published are true or false, and filters narrow each other', async () => {
  expect(await idsOf('/v1/products?in_store_only=true')).toEqual(['b'])
  expect(await idsOf('/v1/products?in_store_only=false')).toEqual(['a', 'c', 'd\\'])
  expect(await idsOf('/v1/products?published=false')).toEqual(['c'])
  expect(await idsOf('/v1/stores?published=true', 'stores')).toEqual(['s-100%', 's-east'])
  expect(await idsOf('/v1/products?q=wool&in_store_only=true&store_id=s-east')).toEqual(['b'])
})

test('updated_since takes any time of ISO 8601 and finds what was written then or later', async () => {
  removeAfterwards('since-')
  const since = async (time: string) =>
    idsOf(`/v1/products?q=since-&updated_since=${encodeURIComponent(time)}`)
  await server.ask('PUT', '/v1/products/since-1', { title: 'Old' })
  const newer = await server.ask('PUT', '/v1/products/since-2', { title: 'New' })
  await server.database.db.execute(sql`alter table products disable trigger set_version`)
  await server.database.db.execute(
    sql`update products set updated_at = '2020-02-29T12:00:00.5Z' where id = 'since-1'`,
  )
  await server.database.db.execute(sql`alter table products enable trigger set_version`)
  const { updated_at } = newer.body as { updated_at: string }
  expect(await since(updated_at)).toEqual(['since-2'])
  expect(await since('2020-02-29T12:00:00.5Z')).toEqual(['since-1', 'since-2'])
  expect(await since('2020-02-29T14:00:00.501+02:00')).toEqual(['since-2'])
  expect(await since('0000-01-01T00:00:00Z')).toHaveLength(2)
  expect(await since('2020-01-01T00:00:00+23:59')).toHaveLength(2)
  expect(await since('9999-12-31T23:59:59.999999Z')).toEqual([])
})

test.each([
  ['limit=0', ['limit']],
  ['limit=1001', ['limit']],
  ['limit=99999999999999999999', ['limit']],
  ['limit=1e400', ['limit']],
  ['limit=', ['limit']],
  ['limit=ten', ['limit']],
  ['cursor=%21%21', ['cursor']],
  ['cursor=AA', ['cursor']],
  ['q=%00', ['q']],
  [`q=${'q'.repeat(256)}`, ['q']],
  ['published=yes', ['published']],
  ['updated_since=yesterday', ['updated_since']],
  ['updated_since=2026-02-30T00:00:00Z', ['updated_since']],
  ['store_id=a,b', ['store_id']],
  ['nonsense=1&limit=0&in_store_only=', ['limit', 'in_store_only', 'nonsense']],
  ['__proto__=1', ['__proto__']],
])('the query %s is rejected, and the faulty parameters are named', async (query, fields) => {
  const answer = await server.ask('GET', `/v1/products?${query}`)
  expect(answer.status).toBe(422)
  expect(faultyFields(answer)).toEqual(fields)
})

test('pages follow each other in the order of ids; none is missed or doubled while others come', async () => {
  removeAfterwards('page-')
  const ids = Array.from({ length: 25 }, (_, n) => `page-${String(n).padStart(2, '0')}`)
  const input = (id: string) => ({ id, title: id })
  await server.ask('POST', '/v1/products/batch', { products: ids.map(input) })
  expect(await walk('/v1/products?q=page-&limit=10')).toEqual(ids)
  expect(await walk('/v1/products?q=page-&limit=25')).toEqual(ids)

  let come = 0
  const seen = await walk('/v1/products?q=page-&limit=4', async () => {
    come++
    const both = [`page-00-${come}`, `page-99-${come}`].map(input)
    await server.ask('POST', '/v1/products/batch', { products: both })
  })
  expect(new Set(seen).size).toBe(seen.length)
  expect(seen.filter((id) => ids.includes(id))).toEqual(ids)
})

test('a page is a hundred when no limit is given, and never more than a thousand', async () => {
  removeAfterwards('h-')
  const products = Array.from({ length: 101 }, (_, n) => ({ id: `h-${n}`, title: 'h' }))
  await server.ask('POST', '/v1/products/batch', { products })
  expect(await idsOf('/v1/products?q=h-')).toHaveLength(100)
  expect(await idsOf('/v1/products?q=h-&limit=1000')).toHaveLength(101)
})
