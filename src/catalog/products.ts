/** In charge of what a product is: the draft that is accepted, the record that is answered, and how products are searched. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { productFeedKeys, products, stores } from '../db/schema/catalog.ts'
import {
  categories,
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
import {
  type CatalogFilter,
  type CatalogResource,
  catalogConditions,
  sameCategory,
} from './catalog-resource.ts'

const inventoryPolicy = z.union(
  [z.literal(1), z.literal(2)],
  'must be 1 (hide when out of stock) or 2 (always show)',
)

export const productInput = z
  .strictObject({
    id,
    sku: optional(text(255)),
    title,
    description: optional(text(100_000)),
    link: optional(url),
    image_link: optional(url),
    price: optional(money),
    categories: optional(categories),
    brand: optional(text(255)),
    in_store_only: optional(z.boolean()),
    published: optional(z.boolean()),
    inventory_quantity: optional(z.int().min(0).max(2_147_483_647)),
    inventory_policy: optional(inventoryPolicy),
    metadata: optional(metadata(productFeedKeys)),
    store_ids: links.optional(),
  })
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
        categories: ['Kitchen Supplies'],
        metadata: { color: 'red' },
        store_ids: [],
      },
    ],
  })
export type ProductInput = z.infer<typeof productInput>

const productPatch = productInput
  .omit({ id: true })
  .partial()
  .extend({ metadata: optional(metadataPatch(productFeedKeys)) })
  .meta({ id: 'ProductPatch', examples: [{ price: 299.95, metadata: { color: null } }] })

const productReplacement = productInput.partial({ id: true }).meta({ id: 'ProductReplacement' })

const productRecord = z
  .strictObject({
    id: z.string(),
    sku: z.string().nullable(),
    title: z.string(),
    description: z.string().nullable(),
    link: z.string().nullable(),
    image_link: z.string().nullable(),
    price: z.number().nullable(),
    categories: z.array(z.string()),
    brand: z.string().nullable(),
    in_store_only: z.boolean(),
    published: z.boolean(),
    inventory_quantity: z.int().nullable(),
    inventory_policy: inventoryPolicy.nullable(),
    metadata: metadataRecord,
    store_ids: z.array(z.string()),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Product' })
export type Product = z.infer<typeof productRecord>

export type ProductFilter = CatalogFilter & {
  store_id?: string | undefined
  in_store_only?: boolean | undefined
}

export const productResource: CatalogResource<Product, ProductInput, ProductFilter> = {
  name: 'product',
  record: productRecord,
  input: productInput,
  replacement: productReplacement,
  patch: productPatch,
  table: products,
  links: {
    field: 'store_ids',
    own: 'product_id',
    other: 'store_id',
    otherName: 'store',
    otherTable: stores,
    listed: true,
  },
  defaults: {
    sku: null,
    title: null,
    description: null,
    link: null,
    image_link: null,
    price: null,
    categories: [],
    brand: null,
    in_store_only: false,
    published: true,
    inventory_quantity: null,
    inventory_policy: null,
    metadata: {},
  },
  conditions,
}

function conditions(filter: ProductFilter): SQL[] {
  const found = catalogConditions(filter, ['id', 'title', 'sku'])
  if (filter.store_id !== undefined) {
    found.push(
      sql`exists (select from product_stores l where l.product_id = t.id and l.store_id = ${filter.store_id})`,
    )
  }
  if (filter.category !== undefined) {
    found.push(
      filter.category === 'in-store-only'
        ? sql`(t.in_store_only or ${sameCategory(filter.category)})`
        : sameCategory(filter.category),
    )
  }
  if (filter.in_store_only !== undefined) found.push(sql`t.in_store_only = ${filter.in_store_only}`)
  return found
}
