/** What a product is: its fields, its schemas, and how products are searched. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { productFeedKeys, products, stores } from '../db/schema/catalog.ts'
import {
  address,
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
} from '../lib/fields.ts'
import { defaultsOf, type FieldsOf, shapeOf } from './catalog-fields.ts'
import {
  type CatalogResource,
  catalogConditions,
  catalogFilters,
  hasCategory,
  ifMatch,
} from './catalog-resource.ts'
import { listQuery } from './list-query.ts'

const inventoryPolicy = z.union(
  [z.literal(1), z.literal(2)],
  'must be 1 (hide when out of stock) or 2 (always show)',
)

/** A till may count below zero, and in parts of a piece. */
const stock = z.number().min(-2_147_483_648).max(2_147_483_647)

export const productFields = {
  sku: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  title: { input: title, record: z.string(), feed: 'custom' },
  description: { input: optional(text(100_000)), record: z.string().nullable(), feed: 'custom' },
  link: { input: optional(address), record: z.string().nullable(), feed: 'custom' },
  image_link: { input: optional(address), record: z.string().nullable(), feed: 'custom' },
  price: { input: optional(money), record: z.number().nullable(), feed: 'custom' },
  categories: { input: optional(categories), record: z.array(z.string()), feed: 'custom' },
  brand: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  gtin: { input: optional(gtin), record: z.string().nullable(), feed: 'text' },
  in_store_only: { input: optional(z.boolean()), record: z.boolean(), feed: 'custom' },
  published: { input: optional(z.boolean()), record: z.boolean() },
  inventory_quantity: {
    input: optional(stock),
    record: z.number().nullable(),
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

/** Of an import that changes only the fields it names. */
export const productMerge = productPatch.extend({ id })

const productFieldPatch = productPatch.omit({ store_ids: true }).meta({ id: 'ProductFieldPatch' })

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

const productFilters = catalogFilters
  .extend({
    store_id: id.optional().meta({ description: 'Only what this store sells' }),
    not_store_id: id.optional().meta({ description: 'Only what this store does not sell' }),
    sold: z
      .enum(['none', 'some'])
      .optional()
      .meta({ description: 'Only what no store sells, or what at least one does' }),
    brand: text(255).optional().meta({ description: 'The whole name of a brand' }),
    in_store_only: z.boolean().optional(),
    in_stock: z.boolean().optional().meta({
      description:
        'Whether its quantity is above 0; without a quantity a product is in neither list',
    }),
    price_min: money.optional().meta({ description: 'Only what costs at least this' }),
    price_max: money.optional().meta({ description: 'Only what costs at most this' }),
  })
  .meta({ id: 'ProductFilters' })
type ProductFilter = z.infer<typeof productFilters>

export type ProductTypes = { record: Product; input: ProductInput; filter: ProductFilter }

export const productResource: CatalogResource<ProductTypes> = {
  name: 'product',
  record: productRecord,
  input: productInput,
  replacement: productReplacement,
  patch: productPatch,
  fieldPatch: productFieldPatch,
  taggedPatch: productMerge.extend({ if_match: ifMatch }).meta({ id: 'ProductTaggedPatch' }),
  filters: productFilters,
  query: listQuery(productFilters, ['id', '-updated_at', 'title', 'price', '-price']),
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
  if (filter.store_id !== undefined) conditions.push(soldIn(filter.store_id))
  if (filter.not_store_id !== undefined) conditions.push(sql`not ${soldIn(filter.not_store_id)}`)
  if (filter.sold === 'some') conditions.push(isSold)
  if (filter.sold === 'none') conditions.push(sql`not ${isSold}`)
  if (filter.brand !== undefined) conditions.push(sql`t.brand = ${filter.brand}`)
  if (filter.category !== undefined) {
    conditions.push(
      filter.category === 'in-store-only'
        ? sql`(t.in_store_only or ${hasCategory(filter.category)})`
        : hasCategory(filter.category),
    )
  }
  if (filter.in_store_only !== undefined)
    conditions.push(sql`t.in_store_only = ${filter.in_store_only}`)
  if (filter.in_stock !== undefined)
    conditions.push(sql`(t.inventory_quantity >= 1) = ${filter.in_stock}`)
  if (filter.price_min !== undefined) conditions.push(sql`t.price >= ${filter.price_min}::numeric`)
  if (filter.price_max !== undefined) conditions.push(sql`t.price <= ${filter.price_max}::numeric`)
  return conditions
}

const isSold = sql`exists (select from product_stores l where l.product_id = t.id)`
const soldIn = (storeId: string) =>
  sql`exists (select from product_stores l where l.product_id = t.id and l.store_id = ${storeId})`
