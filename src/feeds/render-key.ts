/** Identifies how the code renders feeds, so that feeds are rendered again after a release that renders differently. */
import { createHash } from 'node:crypto'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { CatalogFields } from '../catalog/catalog-fields.ts'
import { productFields } from '../catalog/products.ts'
import { storeFields } from '../catalog/stores.ts'
import { feedFormats, feedNames } from '../db/schema/feeds.ts'
import { formatters } from './formatters.ts'
import { cutList } from './id-lists.ts'
import type { Item } from './item.ts'
import { type ItemSettings, itemQueries, listFields } from './item-rows.ts'
import { productItem } from './product-item.ts'
import { hashCount, slotOfHash, slotsFor } from './slots.ts'
import { storeItem } from './store-item.ts'

/** What a feed is rendered with; handed in by tests only, to change a part. */
export const renderers = { formatters, productItem, storeItem, itemQueries, slotsFor }

/** A digest of the queries, of what the renderers make of sample records, and of how items are put into slots. */
export function renderKey(settings: ItemSettings, using: typeof renderers = renderers): string {
  const items: Record<(typeof feedNames)[number], Item[]> = {
    products: sampleRows<Parameters<typeof productItem>[0]>(productFields).map(using.productItem),
    stores: sampleRows<Parameters<typeof storeItem>[0]>(storeFields).map(using.storeItem),
  }
  const rendered = feedNames.map((feed) => ({
    query: new PgDialect().sqlToQuery(using.itemQueries[feed]([{ first: 0, last: 1 }], settings)),
    files: feedFormats.map((format) => {
      const { item, text: _, around, ...fixed } = using.formatters[feed][format]
      return { ...fixed, items: items[feed].map(item), list: around(listFields[feed]) }
    }),
  }))
  const slots = [1, 10_000, 100_000, 1_000_000].map((count) => using.slotsFor(count, count * 1000))
  const places = slots.map((count) => slotOfHash(hashCount - 1, count))
  return createHash('sha256')
    .update(
      JSON.stringify({ rendered, slots, places, cut: cutList(sampleIds, settings.pieceBytes) }),
    )
    .digest('hex')
}

/** Enough to be cut. */
const sampleIds = Array.from({ length: 3000 }, (_, index) => `id ${index}`).join()

/** Everything that needs escaping, trimming or removal. */
const text = ' a\u0001\u0085\ud800 \u{1f600} <&>"\'\t\r\n,b  c, '

/** Values of fields that the item mapping treats specially. */
const special: Record<string, unknown> = {
  price: 1234567.891,
  inventory_quantity: 2.5,
  link: 'https://müller.example/ä b%20%',
  categories: [text, 'x,y', 'x,y', ''],
  in_store_only: true,
  metadata: { text, blank: ' ', number: 1.5, flag: false },
}
const empty: Record<string, unknown> = { categories: [], in_store_only: false, metadata: {} }

/** A row with a value in every field and one without. The cast: the values fit what each field declares. */
function sampleRows<Row>(fields: CatalogFields): Row[] {
  const names = Object.keys(fields)
  const full = names.map((name) => [
    name,
    special[name] ?? (fields[name]?.feed === 'number' ? 1.5 : text),
  ])
  const blank = names.map((name) => [name, empty[name] ?? null])
  return [
    { ...Object.fromEntries(full), id: 'a&b', store_ids: 'a,b', product_ids: 'a,b' },
    { ...Object.fromEntries(blank), id: 'c', store_ids: null, product_ids: null },
  ] as Row[]
}
