/** In charge of what a store is: the draft that is accepted, the record that is answered, and how stores are searched. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { products, storeFeedKeys, stores } from '../db/schema/catalog.ts'
import {
  categories,
  id,
  instant,
  links,
  metadata,
  metadataPatch,
  metadataRecord,
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

export const storeInput = z
  .strictObject({
    id,
    title,
    location: optional(text(255)),
    description: optional(text(100_000)),
    link: optional(url),
    image_link: optional(url),
    categories: optional(categories),
    address1: optional(text(255)),
    address2: optional(text(255)),
    city: optional(text(255)),
    region: optional(text(255)),
    zip: optional(text(32)),
    country: optional(text(255)),
    country_code: optional(
      z.string().regex(/^[A-Z]{2}$/, 'must be an ISO 3166 code of two capital letters, such as US'),
    ),
    phone: optional(text(64)),
    latitude: optional(z.number().min(-90).max(90)),
    longitude: optional(z.number().min(-180).max(180)),
    published: optional(z.boolean()),
    metadata: optional(metadata(storeFeedKeys)),
    product_ids: links.optional(),
  })
  .meta({
    id: 'StoreInput',
    examples: [
      {
        id: '1212',
        title: 'Boston Shop',
        location: 'Boston',
        address1: '123 Newbury St',
        city: 'Boston',
        region: 'MA',
        zip: '02116',
        country: 'United States',
        country_code: 'US',
        phone: '+16175550112',
        metadata: { opening_hours: 'Mo-Sa 10:00-19:00' },
      },
    ],
  })
export type StoreInput = z.infer<typeof storeInput>

const storePatch = storeInput
  .omit({ id: true })
  .partial()
  .extend({ metadata: optional(metadataPatch(storeFeedKeys)) })
  .meta({ id: 'StorePatch', examples: [{ phone: '+16175550113' }] })

const storeReplacement = storeInput.partial({ id: true }).meta({ id: 'StoreReplacement' })

const storeRecord = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    location: z.string().nullable(),
    description: z.string().nullable(),
    link: z.string().nullable(),
    image_link: z.string().nullable(),
    categories: z.array(z.string()),
    address1: z.string().nullable(),
    address2: z.string().nullable(),
    city: z.string().nullable(),
    region: z.string().nullable(),
    zip: z.string().nullable(),
    country: z.string().nullable(),
    country_code: z.string().nullable(),
    phone: z.string().nullable(),
    latitude: z.number().nullable(),
    longitude: z.number().nullable(),
    published: z.boolean(),
    metadata: metadataRecord,
    product_ids: z.array(z.string()).optional(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Store' })
export type Store = z.infer<typeof storeRecord>

export type StoreFilter = CatalogFilter & { product_id?: string | undefined }

export const storeResource: CatalogResource<Store, StoreInput, StoreFilter> = {
  name: 'store',
  record: storeRecord,
  input: storeInput,
  replacement: storeReplacement,
  patch: storePatch,
  table: stores,
  links: {
    field: 'product_ids',
    own: 'store_id',
    other: 'product_id',
    otherName: 'product',
    otherTable: products,
    listed: false,
  },
  defaults: {
    title: null,
    location: null,
    description: null,
    link: null,
    image_link: null,
    categories: [],
    address1: null,
    address2: null,
    city: null,
    region: null,
    zip: null,
    country: null,
    country_code: null,
    phone: null,
    latitude: null,
    longitude: null,
    published: true,
    metadata: {},
  },
  conditions,
}

function conditions(filter: StoreFilter): SQL[] {
  const found = catalogConditions(filter, ['id', 'title', 'location', 'city'])
  if (filter.product_id !== undefined) {
    found.push(
      sql`exists (select from product_stores l where l.store_id = t.id and l.product_id = ${filter.product_id})`,
    )
  }
  if (filter.category !== undefined && filter.category !== 'store-location')
    found.push(sameCategory(filter.category))
  return found
}
