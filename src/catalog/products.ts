/** What a product is: its fields, its schemas, and how products are searched. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { productFeedKeys, products, stores } from '../db/schema/catalog.ts'
import {
  categories,
  gtin,
  id,
  instant,
  links,
  metadata,
  metadataPatch,
  metadataRecord,
  money,
  optional,
  text,
  title,
  url,
} from '../lib/fields.ts'
import { booleanQuery, type Page } from '../lib/pagination.ts'
import { defaultsOf, type FieldsOf, shapeOf } from './catalog-fields.ts'
import {
  type CatalogResource,
  catalogConditions,
  catalogQuery,
  hasCategory,
} from './catalog-resource.ts'

const inventoryPolicy = z.union(
  [z.literal(1), z.literal(2)],
  'must be 1 (hide when out of stock) or 2 (always show)',
)

export const productFields = {
  sku: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  title: { input: title, record: z.string(), feed: 'custom' },
  description: { input: optional(text(100_000)), record: z.string().nullable(), feed: 'custom' },
  link: { input: optional(url), record: z.string().nullable(), feed: 'custom' },
  image_link: { input: optional(url), record: z.string().nullable(), feed: 'custom' },
  price: { input: optional(money), record: z.number().nullable(), feed: 'custom' },
  categories: { input: optional(categories), record: z.array(z.string()), feed: 'custom' },
  brand: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  gtin: { input: optional(gtin), record: z.string().nullable(), feed: 'text' },
  in_store_only: { input: optional(z.boolean()), record: z.boolean(), feed: 'custom' },
  published: { input: optional(z.boolean()), record: z.boolean() },
  inventory_quantity: {
    input: optional(z.int().min(0).max(2_147_483_647)),
    record: z.int().nullable(),
    feed: 'number',
  },
  inventory_policy: {
    input: optional(inventoryPolicy),
    record: inventoryPolicy.nullable(),
    feed: 'number',
  },
  metadata: {
    input: optional(metadata(productFeedKeys)),
    record: metadataRecord,
    feed: 'custom',
  },
} satisfies FieldsOf<typeof products>

export const productInput = z
  .strictObject({ id, ...shapeOf(productFields, 'input'), store_ids: links.optional() })
  .meta({
    id: 'ProductInput',
    examples: [
      {
        id: '1111',
        sku: 'LC-8QT',
        title: '8 quart Dutch Oven',
        link: 'https://shop.example/dutch-oven',
        image_link: 'https://shop.example/dutch-oven.jpg',
        price: 330,
        brand: 'Le Creuset',
        gtin: '4006381333931',
        categories: ['Kitchen Supplies'],
        metadata: { color: 'red' },
        store_ids: [],
      },
    ],
  })
type ProductInput = z.infer<typeof productInput>

const productPatch = productInput
  .omit({ id: true })
  .partial()
  .extend({ metadata: optional(metadataPatch(productFeedKeys)) })
  .meta({ id: 'ProductPatch', examples: [{ price: 299.95, metadata: { color: null } }] })

const productReplacement = productInput.partial({ id: true }).meta({ id: 'ProductReplacement' })

const productRecord = z
  .strictObject({
    id: z.string(),
    ...shapeOf(productFields, 'record'),
    store_ids: z.array(z.string()),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Product' })
type Product = z.infer<typeof productRecord>

const productQuery = catalogQuery.extend({
  store_id: id.optional().meta({ description: 'Only what this store sells' }),
  in_store_only: booleanQuery,
})
type ProductFilter = Omit<z.infer<typeof productQuery>, keyof Page>

type ProductTypes = { record: Product; input: ProductInput; filter: ProductFilter }

export const productResource: CatalogResource<ProductTypes> = {
  name: 'product',
  record: productRecord,
  input: productInput,
  replacement: productReplacement,
  patch: productPatch,
  query: productQuery,
  table: products,
  links: {
    field: 'store_ids',
    own: 'product_id',
    other: 'store_id',
    otherName: 'store',
    otherTable: stores,
    listed: true,
  },
  defaults: defaultsOf(products, productFields),
  conditions: conditionsOf,
}

function conditionsOf(filter: ProductFilter): SQL[] {
  const conditions = catalogConditions(filter, ['id', 'title', 'sku'])
  if (filter.store_id !== undefined) {
    conditions.push(
      sql`exists (select from product_stores l where l.product_id = t.id and l.store_id = ${filter.store_id})`,
    )
  }
  if (filter.category !== undefined) {
    conditions.push(
      filter.category === 'in-store-only'
        ? sql`(t.in_store_only or ${hasCategory(filter.category)})`
        : hasCategory(filter.category),
    )
  }
  if (filter.in_store_only !== undefined)
    conditions.push(sql`t.in_store_only = ${filter.in_store_only}`)
  return conditions
}
