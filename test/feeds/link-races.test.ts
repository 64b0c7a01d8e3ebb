import { type SQL, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../support/server.ts'
import { pollItems } from './polls.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true })
})
afterAll(() => server.stop())

beforeEach(async () => {
  const { db } = server.database
  await db.execute(sql`truncate products, stores cascade`)
  await db.execute(
    sql`insert into products (id, title, published) values ('p-hidden', 'Hidden', false), ('p', 'Shown', true)`,
  )
  await db.execute(
    sql`insert into stores (id, title, published) values ('s-hidden', 'Hidden', false), ('s', 'Shown', true)`,
  )
})

const linksOf = async () => {
  const [products, stores] = await Promise.all([
    pollItems(`${server.url}/feeds/products.json`),
    pollItems(`${server.url}/feeds/stores.json`),
  ])
  return {
    products: Object.fromEntries(products.map((item) => [item.$id, item.store_ids])),
    stores: Object.fromEntries(stores.map((item) => [item.$id, item.product_ids])),
  }
}

const publications: [string, SQL, SQL, Awaited<ReturnType<typeof linksOf>>][] = [
  [
    'a product is published while it is linked',
    sql`update products set published = true where id = 'p-hidden'`,
    sql`insert into product_stores values ('p-hidden', 's')`,
    { products: { 'p-hidden': 's', p: 'n/a' }, stores: { s: 'p-hidden' } },
  ],
  [
    'a product is withdrawn while it is linked',
    sql`update products set published = false where id = 'p'`,
    sql`insert into product_stores values ('p', 's')`,
    { products: {}, stores: { s: 'n/a' } },
  ],
  [
    'a store is published while it is linked',
    sql`update stores set published = true where id = 's-hidden'`,
    sql`insert into product_stores values ('p', 's-hidden')`,
    { products: { p: 's-hidden' }, stores: { s: 'n/a', 's-hidden': 'p' } },
  ],
  [
    'a store is withdrawn while it is linked',
    sql`update stores set published = false where id = 's'`,
    sql`insert into product_stores values ('p', 's')`,
    { products: { p: 'n/a' }, stores: {} },
  ],
]

test.each(publications)('%s, and the link commits first', async (_, publish, link, expected) => {
  const { db } = server.database
  await db.transaction(async (tx) => {
    await tx.execute(publish)
    await db.execute(link)
    await linksOf()
  })
  expect(await linksOf()).toEqual(expected)
})

test.each(publications)('%s, and the link commits last', async (_, publish, link, expected) => {
  const { db } = server.database
  await db.transaction(async (tx) => {
    await tx.execute(link)
    await db.execute(publish)
    await linksOf()
  })
  expect(await linksOf()).toEqual(expected)
})
