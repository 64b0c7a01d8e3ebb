import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FeedName, feedNames } from '../../src/db/schema/feeds.ts'
import { formatters } from '../../src/feeds/formatters.ts'
import type { Item } from '../../src/feeds/item.ts'
import { productItem } from '../../src/feeds/product-item.ts'
import { storeItem } from '../../src/feeds/store-item.ts'
import { anyProduct, anyStore } from './rows.ts'
import { asXmlItem, readJson, readXml } from './strict-parsers.ts'

const anyItem: Record<FeedName, fc.Arbitrary<Item>> = {
  products: anyProduct.map(productItem),
  stores: anyStore.map(storeItem),
}

/** As UTF-8 on the wire, where half a surrogate pair would be lost. */
function write(feed: FeedName, format: 'json' | 'xml', items: Item[]): string {
  const { head, item, separator, tail } = formatters[feed][format]
  return Buffer.from(`${head}${items.map(item).join(separator)}${tail}`).toString()
}

const present = (item: Item) =>
  Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined))

test.each(feedNames)('%s of any text are read back the same from JSON and XML', (feed) => {
  fc.assert(
    fc.property(fc.array(anyItem[feed], { maxLength: 3 }), (items) => {
      const json = readJson(write(feed, 'json', items))
      expect(json).toEqual(items.map(present).map(positiveZero))
      expect(readXml(feed, write(feed, 'xml', items))).toEqual(json.map(asXmlItem))
    }),
    { numRuns: 200 },
  )
})

/** JSON and XML know no negative zero. */
const positiveZero = (item: object) =>
  Object.fromEntries(Object.entries(item).map(([name, value]) => [name, value === 0 ? 0 : value]))
