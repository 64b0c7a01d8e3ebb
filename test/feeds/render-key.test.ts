import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { renderers, renderKey } from '../../src/feeds/render-key.ts'

const settings = { decimals: 2, storeProductIds: true, pieceBytes: 16_384 }
const key = renderKey(settings)

test('the render key is the same for the same code and settings', () => {
  expect(renderKey(settings)).toBe(key)
  expect(key).toMatch(/^[0-9a-f]{64}$/)
})

test('the render key changes with the decimals of prices', () => {
  expect(renderKey({ ...settings, decimals: 0 })).not.toBe(key)
})

test('the render key changes when stores are to have no product_ids', () => {
  expect(renderKey({ ...settings, storeProductIds: false })).not.toBe(key)
})

test('the render key changes with the size of the pieces of lists', () => {
  expect(renderKey({ ...settings, pieceBytes: 200 })).not.toBe(key)
})

const { formatters, productItem, storeItem, itemQueries } = renderers
const { json, xml } = formatters.products

test.each<[string, Partial<typeof renderers>]>([
  ['a formatter', withFormatter({ item: (item) => `${json.item(item)} ` })],
  ['what stands between two items', withFormatter({ separator: ',\n\n' })],
  ['what precedes the first item', withFormatter({ head: '[' })],
  ['the content type', withFormatter({ contentType: 'application/json' })],
  [
    'the escaping of one character',
    withFormatter({ item: (item) => json.item(item).replaceAll('&', '\\u0026') }),
  ],
  ['the other format', { formatters: { ...formatters, products: { json, xml: json } } }],
  ['the order of keys', { productItem: (row) => ({ brand: '', ...productItem(row) }) }],
  ['a missing number', { productItem: (row) => ({ ...productItem(row), price: row.price ?? 0 }) }],
  ['a category of stores', { storeItem: (row) => ({ ...storeItem(row), categories: ['stores'] }) }],
  [
    'the query',
    {
      itemQueries: { ...itemQueries, stores: (...given) => sql`${itemQueries.stores(...given)} ` },
    },
  ],
  ['the number of slots', { slotsFor: () => 128 }],
])('the render key changes with %s', (_, change) => {
  expect(renderKey(settings, { ...renderers, ...change })).not.toBe(key)
})

function withFormatter(change: Partial<typeof json>): Partial<typeof renderers> {
  return { formatters: { ...formatters, products: { xml, json: { ...json, ...change } } } }
}
