/** What a store is: its fields, its schemas, and how stores are searched. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { products, storeFeedKeys, stores } from '../db/schema/catalog.ts'
import {
  address,
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

const countryCode = z
  .string()
  .regex(/^[A-Z]{2}$/, 'must be an ISO 3166 code of two capital letters, such as US')

export const storeFields = {
  title: { input: title, record: z.string(), feed: 'custom' },
  location: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  description: { input: optional(text(100_000)), record: z.string().nullable(), feed: 'custom' },
  link: { input: optional(address), record: z.string().nullable(), feed: 'custom' },
  image_link: { input: optional(address), record: z.string().nullable(), feed: 'custom' },
  categories: { input: optional(categories), record: z.array(z.string()), feed: 'custom' },
  address1: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  address2: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  city: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  region: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  zip: { input: optional(text(32)), record: z.string().nullable(), feed: 'text' },
  country: { input: optional(text(255)), record: z.string().nullable(), feed: 'text' },
  country_code: { input: optional(countryCode), record: z.string().nullable() },
  phone: { input: optional(text(64)), record: z.string().nullable(), feed: 'text' },
  latitude: {
    input: optional(z.number().min(-90).max(90)),
    record: z.number().nullable(),
    feed: 'number',
  },
  longitude: {
    input: optional(z.number().min(-180).max(180)),
    record: z.number().nullable(),
    feed: 'number',
  },
  published: { input: optional(z.boolean()), record: z.boolean() },
  metadata: { input: optional(metadata(storeFeedKeys)), record: metadataRecord, feed: 'custom' },
} satisfies FieldsOf<typeof stores>

export const storeInput = z
  .strictObject({ id, ...shapeOf(storeFields, 'input'), product_ids: links.optional() })
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
type StoreInput = z.infer<typeof storeInput>

const storePatch = storeInput
  .omit({ id: true })
  .partial()
  .extend({ metadata: optional(metadataPatch(storeFeedKeys)) })
  .meta({ id: 'StorePatch', examples: [{ phone: '+16175550113' }] })

/** Of an import that changes only the fields it names. */
export const storeMerge = storePatch.extend({ id })

const storeFieldPatch = storePatch.omit({ product_ids: true }).meta({ id: 'StoreFieldPatch' })

const storeReplacement = storeInput.partial({ id: true }).meta({ id: 'StoreReplacement' })

const storeRecord = z
  .strictObject({
    id: z.string(),
    ...shapeOf(storeFields, 'record'),
    product_ids: z.array(z.string()).optional(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Store' })
type Store = z.infer<typeof storeRecord>

const storeFilters = catalogFilters
  .extend({
    product_id: id.optional().meta({ description: 'Only stores that sell this product' }),
    city: text(255).optional().meta({ description: 'The whole name of a city' }),
    region: text(255).optional().meta({ description: 'The whole name of a region' }),
    country_code: countryCode.optional(),
  })
  .meta({ id: 'StoreFilters' })
type StoreFilter = z.infer<typeof storeFilters>

export type StoreTypes = { record: Store; input: StoreInput; filter: StoreFilter }

export const storeResource: CatalogResource<StoreTypes> = {
  name: 'store',
  record: storeRecord,
  input: storeInput,
  replacement: storeReplacement,
  patch: storePatch,
  fieldPatch: storeFieldPatch,
  taggedPatch: storeMerge.extend({ if_match: ifMatch }).meta({ id: 'StoreTaggedPatch' }),
  filters: storeFilters,
  query: listQuery(storeFilters, ['id', '-updated_at', 'title']),
  table: stores,
  links: {
    field: 'product_ids',
    own: 'store_id',
    other: 'product_id',
    otherName: 'product',
    otherTable: products,
    listed: false,
  },
  defaults: defaultsOf(stores, storeFields),
  conditions: conditionsOf,
}

function conditionsOf(filter: StoreFilter): SQL[] {
  const conditions = catalogConditions(filter, ['id', 'title', 'location', 'city'])
  if (filter.product_id !== undefined) {
    conditions.push(
      sql`exists (select from product_stores l where l.store_id = t.id and l.product_id = ${filter.product_id})`,
    )
  }
  if (filter.category !== undefined && filter.category !== 'store-location')
    conditions.push(hasCategory(filter.category))
  for (const name of ['city', 'region', 'country_code'] as const) {
    if (filter[name] !== undefined)
      conditions.push(sql`t.${sql.identifier(name)} = ${filter[name]}`)
  }
  return conditions
}
