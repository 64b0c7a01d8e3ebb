import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultyFields, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
  await server.database.db.execute(sql`
    insert into products (id, title, link, image_link, categories, published) values
      ('bare', 'Pan', null, '', '{}', true),
      ('fine', 'Dutch oven', 'https://x.example/1', 'https://x.example/1.jpg', '{Pots}', true),
      ('hidden', 'Hidden', null, null, '{}', false),
      ('odd', 'Pan', '/pan', 'http://x.example/p.jpg', '{"Pots, pans"}', true)`)
  await server.database.db.execute(sql`
    insert into stores (id, title, link, image_link) values ('s1', 'Boston', 'https://x.example/s', null)`)
})
afterAll(() => server.stop())

const shared = {
  found: 'shares its title with another',
  advice: 'Tell them apart by title: people choose by it in Klaviyo.',
}
const noImage = {
  found: 'has no image, so the feed says n/a',
  advice: 'Give each an image_link: product blocks show it.',
}
const bare = {
  id: 'bare',
  title: 'Pan',
  diagnostics: [
    {
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
      found: 'has a link or an image that is not https, or is relative',
      advice: 'Write whole addresses that begin with https://.',
    },
    {
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
    items: [{ id: 's1', title: 'Boston', diagnostics: [noImage] }],
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
  const path = '/v1/feeds/products/report'
  const noKey = await server.ask('GET', path, undefined, { Authorization: '' })
  expect(noKey.status).toBe(401)
})
