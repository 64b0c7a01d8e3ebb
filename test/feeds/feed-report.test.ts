import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ maxListBytes: 11 })
  await server.database.db.execute(sql`
    insert into products (id, title, sku, price, link, image_link, categories, published) values
      ('bare', 'Pan', 'P', 1, null, '', '{}', true),
      ('fine', 'Dutch oven', null, 1, 'https://x.example/1', 'https://x.example/1.jpg', '{Pots}', true),
      ('hidden', 'Hidden', 'P', null, null, null, '{}', false),
      ('odd', 'Pan', 'S', 1, '/pan', 'http://x.example/p.jpg', '{"Pots, pans"}', true)`)
  await server.database.db.execute(sql`
    insert into stores (id, title, address1, city, latitude, longitude, link, image_link) values
      ('s1', 'Boston', '1 Main St', 'Boston', 42, -71, 'https://x.example/s', null)`)
  await server.database.db.execute(
    sql`insert into product_stores (product_id, store_id) select id, 's1' from products where id <> 'hidden'`,
  )
})
afterAll(() => server.stop())

const warning = { severity: 'warning' }
const shared = {
  code: 'title_used_twice',
  ...warning,
  found: 'shares its title with another',
  advice: 'Tell them apart by title: people choose by it in Klaviyo.',
}
const noImage = {
  code: 'no_image',
  ...warning,
  found: 'has no image, so the feed says n/a',
  advice: 'Give each an image_link: product blocks show it.',
}
// bare,fine,odd are 13 bytes.
const tooLong = {
  code: 'list_too_long',
  severity: 'error',
  found: 'has a list of ids that is longer than Klaviyo may take (MAX_LIST_BYTES)',
  advice: 'Check one of them in Klaviyo, or send less: docs/feeds.md says how (STORE_PRODUCT_IDS).',
}
const bare = {
  id: 'bare',
  title: 'Pan',
  diagnostics: [
    {
      code: 'no_link',
      ...warning,
      found: 'has no link, so the feed says n/a',
      advice: 'Give each a link: mails point there.',
    },
    noImage,
    shared,
  ],
}
const odd = {
  id: 'odd',
  title: 'Pan',
  diagnostics: [
    {
      code: 'not_https',
      ...warning,
      found: 'has a link or an image that is not https, or is relative',
      advice: 'Write whole addresses that begin with https://.',
    },
    {
      code: 'category_with_comma',
      ...warning,
      found: 'has a category with a comma, which the XML feed splits in two',
      advice: 'Rename the category, or give Klaviyo the JSON feed.',
    },
    shared,
  ],
}

test('each published item in which something is found is reported, with what to do', async () => {
  const products = await server.ask('GET', '/v1/feeds/products/report')
  expect([products.status, products.body]).toEqual([200, { items: [bare, odd], next_cursor: null }])
  const stores = await server.ask('GET', '/v1/feeds/stores/report')
  expect(stores.body).toEqual({
    items: [{ id: 's1', title: 'Boston', diagnostics: [noImage, tooLong] }],
    next_cursor: null,
  })
})

test('it comes in pages; titles are compared across them', async () => {
  const first = await server.ask('GET', '/v1/feeds/products/report?limit=1')
  expect(first.body).toEqual({ items: [bare], next_cursor: expect.any(String) })
  const { next_cursor } = first.body as { next_cursor: string }
  const second = await server.ask('GET', `/v1/feeds/products/report?limit=1&cursor=${next_cursor}`)
  expect(second.body).toEqual({ items: [odd], next_cursor: null })
})

test('an unknown feed, a wrong cursor and a wrong limit are named; a key is needed', async () => {
  const rejected = async (path: string) => {
    const answer = await server.ask('GET', path)
    return [answer.status, faultyFields(answer)]
  }
  expect(await rejected('/v1/feeds/orders/report')).toEqual([422, ['feed']])
  expect(await rejected('/v1/feeds/products/report?cursor=x!')).toEqual([422, ['cursor']])
  expect(await rejected('/v1/feeds/products/report?limit=1001')).toEqual([422, ['limit']])
  expect(await rejected('/v1/feeds/products/report?finding=ugly')).toEqual([422, ['finding']])
  const path = '/v1/feeds/products/report'
  const noKey = await server.ask('GET', path, undefined, { Authorization: '' })
  expect(noKey.status).toBe(401)
})

const idsWith = async (feed: string, finding: string) => {
  const { body } = await server.ask('GET', `/v1/feeds/${feed}/report?finding=${finding}`)
  return (body as { items: { id: string }[] }).items.map(({ id }) => id)
}

test('one kind of finding can be asked for, in pages', async () => {
  expect(await idsWith('products', 'not_https')).toEqual(['odd'])
  expect(await idsWith('products', 'title_used_twice')).toEqual(['bare', 'odd'])
  // The other one with this SKU is hidden.
  expect(await idsWith('products', 'sku_used_twice')).toEqual([])
  // A rule for stores.
  expect(await idsWith('products', 'no_coordinates')).toEqual([])
  const path = '/v1/feeds/products/report?finding=title_used_twice&limit=1'
  const first = await server.ask('GET', path)
  const { next_cursor } = first.body as { next_cursor: string }
  const second = await server.ask('GET', `${path}&cursor=${next_cursor}`)
  expect(second.body).toEqual({ items: [odd], next_cursor: null })
})

const countsOf = async (feed: string) => {
  const { status, body } = await server.ask('GET', `/v1/feeds/${feed}/report/summary`)
  const { findings } = body as { findings: { code: string; count: number }[] }
  return [status, Object.fromEntries(findings.map(({ code, count }) => [code, count]))]
}

test('the summary counts each kind of finding and gives an example', async () => {
  expect(await countsOf('products')).toEqual([
    200,
    { no_link: 1, no_image: 1, not_https: 1, category_with_comma: 1, title_used_twice: 2 },
  ])
  const { body } = await server.ask('GET', '/v1/feeds/stores/report/summary')
  expect(body).toEqual({
    version: expect.any(Number),
    items: 1,
    findings: [
      { ...noImage, count: 1, example: 's1' },
      { ...tooLong, count: 1, example: 's1' },
    ],
  })
})

test('each new rule finds what it is for, and the next summary shows each write at once', async () => {
  const { db } = server.database
  const before = await countsOf('products')
  await db.execute(sql`
    insert into products (id, title, sku, price, link, image_link) values
      ('Fine', 'Lid', 'S', null, 'https://x.example/a b', 'https://x.example/1.jpg,https://x.example/2.jpg')`)
  expect(await countsOf('products')).toEqual([
    200,
    {
      ...(before[1] as object),
      several_addresses: 1,
      address_with_space: 1,
      id_used_twice: 2,
      sku_used_twice: 2,
      no_price: 1,
      sold_nowhere: 1,
    },
  ])
  expect(await idsWith('products', 'id_used_twice')).toEqual(['Fine', 'fine'])
  await db.execute(sql`delete from products where id = 'Fine'`)
  expect(await countsOf('products')).toEqual(before)

  await db.execute(
    sql`insert into stores (id, title, city, latitude) values ('s2', 'Salem', 'Salem', 42)`,
  )
  expect(await idsWith('stores', 'no_address')).toEqual(['s2'])
  expect(await idsWith('stores', 'no_coordinates')).toEqual(['s2'])
  await db.execute(sql`delete from stores where id = 's2'`)
})

test('a product that only hidden stores sell is sold nowhere, and a hidden product is in no list', async () => {
  const { db } = server.database
  expect(await idsWith('stores', 'list_too_long')).toEqual(['s1'])
  await db.execute(sql`update products set published = false where id = 'odd'`)
  expect(await idsWith('stores', 'list_too_long')).toEqual([])
  await db.execute(sql`update products set published = true where id = 'odd'`)
  await db.execute(sql`update stores set published = false where id = 's1'`)
  expect(await idsWith('products', 'sold_nowhere')).toEqual(['bare', 'fine', 'odd'])
  await db.execute(sql`update stores set published = true where id = 's1'`)
  expect(await idsWith('products', 'sold_nowhere')).toEqual([])
})
