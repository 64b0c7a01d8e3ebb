import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { address } from '../../src/feeds/item.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test.each([
  ['https://x.example/a b.jpg', 'https://x.example/a%20b.jpg'],
  ['https://x.example/a%20b.jpg?q=1&r=2#f', 'https://x.example/a%20b.jpg?q=1&r=2#f'],
  ['https://x.example/Crème brûlée', 'https://x.example/Cr%C3%A8me%20br%C3%BBl%C3%A9e'],
  ['https://x.example/100%/日本.png', 'https://x.example/100%25/%E6%97%A5%E6%9C%AC.png'],
  ['https://müller.example/ä', 'https://xn--mller-kva.example/%C3%A4'],
  ['/relative path', '/relative%20path'],
  [null, 'n/a'],
])('the address %s is %s in the feed', (given, wanted) => {
  expect(address(given)).toBe(wanted)
})

test('stock may be negative or fractional in the tables; the feed shows whole pieces, never below 0', async () => {
  const put = (id: string, inventory_quantity: number) =>
    server.ask('PUT', `/v1/products/${id}`, { title: 'T', inventory_quantity })
  expect((await put('a', 0)).status).toBe(201)
  await server.database.db.execute(
    sql`update products set inventory_quantity = inventory_quantity - 1 where id = 'a'`,
  )
  expect((await put('b', 2.75)).body).toMatchObject({ inventory_quantity: 2.75 })
  expect((await put('c', -0.5)).status).toBe(201)
  expect((await server.ask('GET', '/v1/products/a')).body).toMatchObject({ inventory_quantity: -1 })
  const items: { $id: string; inventory_quantity: number }[] = JSON.parse(
    (await server.ask('GET', '/feeds/products.json')).text,
  )
  const shown = items.map(({ $id, inventory_quantity }) => [$id, inventory_quantity]).sort()
  expect(shown).toEqual([
    ['a', 0],
    ['b', 2],
    ['c', 0],
  ])
})

test('several addresses in one field are reported, and refused by REST', async () => {
  const two = 'https://x.example/1.jpg, https://x.example/2.jpg'
  const { status, body } = await server.ask('PUT', '/v1/products/d', {
    title: 'T',
    image_link: two,
  })
  expect([status, body]).toMatchObject([
    422,
    { errors: [{ field: 'image_link', detail: 'holds several addresses: give one' }] },
  ])
  await server.database.db.execute(
    sql`insert into products (id, title, image_link) values ('d', 'T', ${two})`,
  )
  const report = await server.ask('GET', '/v1/feeds/products/report')
  expect(report.text).toContain('has several addresses in link or image_link')
})
