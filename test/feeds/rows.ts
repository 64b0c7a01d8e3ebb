/** Arbitrary products and stores for property tests: any text in any field. */
import fc from 'fast-check'
import { productFeedKeys, storeFeedKeys } from '../../src/db/schema/catalog.ts'
import type { ProductRow } from '../../src/feeds/product-item.ts'
import type { StoreRow } from '../../src/feeds/store-item.ts'

/** The characters that formats stumble over, more often than chance would bring them. */
const tricky = fc.constantFrom(
  ...' \t\n\r\0\u0001\u001f\u007f\u0085\u00a0\u2028\ufeff\ufffe\uffff&<>"\'],;%$\\',
  ']]>',
  '&amp;',
  '&#13;',
  '<!--',
  '\ud800',
  '\udfff',
  '👨‍👩‍👧',
  'n/a',
)
const character = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
)
export const anyText = fc
  .array(fc.oneof({ weight: 2, arbitrary: tricky }, character), { maxLength: 12 })
  .map((characters) => characters.join(''))

const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null })
const maybeText = orNull(anyText)

/** Not what fast-xml-parser renames because it is something to JavaScript. */
const metadata = (reserved: readonly string[]) =>
  fc.dictionary(
    fc
      .stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,8}$/)
      .filter((name) => !reserved.includes(name) && !(name in {}) && name !== 'prototype'),
    fc.oneof(anyText, fc.boolean(), fc.double({ min: -1e300, max: 1e300, noNaN: true })),
    { maxKeys: 3, noNullPrototype: true },
  )

const listing = {
  title: anyText,
  description: maybeText,
  link: maybeText,
  image_link: maybeText,
  categories: fc.array(anyText, { maxLength: 4 }),
}

export const anyProduct: fc.Arbitrary<ProductRow> = fc.record({
  ...listing,
  id: anyText,
  sku: maybeText,
  price: orNull(fc.double({ min: 0, max: 9_999_999_999, noNaN: true })),
  brand: maybeText,
  gtin: orNull(fc.constantFrom('96385074', '036000291452', '4006381333931')),
  in_store_only: fc.boolean(),
  inventory_quantity: orNull(fc.nat()),
  inventory_policy: orNull(fc.constantFrom(1, 2)),
  metadata: metadata(productFeedKeys),
  store_ids: maybeText,
})

export const anyStore: fc.Arbitrary<StoreRow> = fc.record({
  ...listing,
  id: anyText,
  location: maybeText,
  address1: maybeText,
  address2: maybeText,
  city: maybeText,
  region: maybeText,
  zip: maybeText,
  country: maybeText,
  phone: maybeText,
  latitude: orNull(fc.double({ min: -90, max: 90, noNaN: true })),
  longitude: orNull(fc.double({ min: -180, max: 180, noNaN: true })),
  metadata: metadata(storeFeedKeys),
  product_ids: maybeText,
})
