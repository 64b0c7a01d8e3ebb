import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { productStores, products, stores } from '../../src/db/schema/catalog.ts'
import { productItem } from '../../src/feeds/product-item.ts'
import { storeItem } from '../../src/feeds/store-item.ts'
import { id } from '../../src/lib/fields.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { gzip, poll } from './polls.ts'
import { anyProduct, anyStore, anyText } from './rows.ts'
import { asXmlItem, readJson, readXml } from './strict-parsers.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ feedsPublic: true })
})
afterAll(() => server.stop())

const validId = anyText.filter((text) => id.safeParse(text).success)
const drafts = fc.record({
  ids: fc.uniqueArray(validId, { minLength: 8, maxLength: 8 }),
  products: fc.array(anyProduct, { minLength: 5, maxLength: 5 }),
  stores: fc.array(anyStore, { minLength: 3, maxLength: 3 }),
})

/** Postgres keeps neither, the REST API rejects both; prices have the currency's decimals. */
const storable = <T>(row: T): T =>
  JSON.parse(JSON.stringify(row), (_, value) =>
    typeof value === 'string' ? value.replace(/[\0\p{Cs}]/gu, '') : value,
  )
const titled = <T extends { title: string }>(row: T) => ({ ...row, title: `T${row.title}` })

test('rows of any text are served the same in both formats, whatever their ids', async () => {
  const { db } = server.database
  await fc.assert(
    fc.asyncProperty(drafts, async (drawn) => {
      const sold = drawn.products.map((row, place) => ({
        ...titled(storable(row)),
        id: drawn.ids[place] ?? '',
        price: place,
        store_ids: place === 0 ? drawn.ids.slice(5).sort(byCodePoint).join(',') : null,
      }))
      const shops = drawn.stores.map((row, place) => ({
        ...titled(storable(row)),
        id: drawn.ids[5 + place] ?? '',
        product_ids: drawn.ids[0] ?? '',
      }))
      await db.transaction(async (tx) => {
        await tx.execute(sql`truncate products, stores cascade`)
        await tx.insert(products).values(sold)
        await tx.insert(stores).values(shops)
        await tx
          .insert(productStores)
          .values(shops.map((shop) => ({ product_id: drawn.ids[0] ?? '', store_id: shop.id })))
      })
      await expectServed('products', sold.map(productItem))
      await expectServed('stores', shops.map(storeItem))
    }),
    { numRuns: 12, endOnFailure: true },
  )
})

const byCodePoint = (one: string, other: string) =>
  Buffer.compare(Buffer.from(one), Buffer.from(other))

async function expectServed(feed: 'products' | 'stores', items: object[]): Promise<void> {
  const [json, xml] = await Promise.all([
    poll(`${server.url}/feeds/${feed}.json`, { headers: gzip }),
    poll(`${server.url}/feeds/${feed}.xml`, { headers: gzip }),
  ])
  const served = readJson(json.text)
  expect(byId(served)).toEqual(byId(JSON.parse(JSON.stringify(items))))
  expect(readXml(feed, xml.text)).toEqual(served.map(asXmlItem))
}

const byId = (items: { $id?: unknown }[]) => new Map(items.map((item) => [item.$id, item]))
