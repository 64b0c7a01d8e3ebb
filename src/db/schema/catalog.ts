import { getTableColumns, type InferSelectModel, sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  jsonb,
  numeric,
  type PgTable,
  pgSequence,
  pgTable,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core'
import {
  emptyTexts,
  flatMetadataCheck,
  gtinCheck,
  idCheck,
  merchantId,
  notBlankCheck,
  timestamps,
} from './columns.ts'

export type Metadata = Record<string, string | number | boolean>

/** Columns that storefeed sets itself. */
export type ManagedColumn = 'version' | 'hash' | 'created_at' | 'updated_at'

const notInFeed = [
  'in_store_only',
  'published',
  'country_code',
  'metadata',
  'version',
  'hash',
  'created_at',
  'updated_at',
] as const

/** The names of columns that are keys of a feed item too. */
export type FeedKey<Table extends PgTable> = Exclude<
  keyof InferSelectModel<Table>,
  (typeof notInFeed)[number]
>

/** What metadata may not take as a key: the feed item has it already. */
function feedKeys(table: PgTable, links: string): string[] {
  const hidden = new Set<string>(notInFeed)
  return [...Object.keys(getTableColumns(table)).filter((name) => !hidden.has(name)), links]
}

/** The hash of an id, which decides its slot in the feed: 14 bits, the same on every server. */
const hash = () => smallint().notNull().generatedAlwaysAs(sql`catalog_hash(id)`)

export const catalogVersion = pgSequence('catalog_version')

/** Drawn from one sequence for all rows, so that a row deleted and made again never repeats an ETag. */
const version = () => bigint({ mode: 'number' }).notNull().default(sql`nextval('catalog_version')`)

const metadata = () => jsonb().$type<Metadata>().notNull().default({})

export const products = pgTable(
  'products',
  {
    id: merchantId().primaryKey(),
    sku: text(),
    title: text().notNull(),
    description: text(),
    link: text(),
    image_link: text(),
    price: numeric({ precision: 14, scale: 4, mode: 'number' }),
    categories: emptyTexts(),
    brand: text(),
    gtin: text(),
    in_store_only: boolean().notNull().default(false),
    published: boolean().notNull().default(true),
    inventory_quantity: numeric({ mode: 'number' }),
    inventory_policy: smallint(),
    metadata: metadata(),
    version: version(),
    hash: hash(),
    ...timestamps(),
  },
  (table) => [
    idCheck('products_id_valid', table.id),
    notBlankCheck('products_title_not_blank', table.title),
    gtinCheck('products_gtin_valid', table.gtin),
    check('products_price_not_negative', sql`${table.price} >= 0 and ${table.price} < 'infinity'`),
    check(
      'products_inventory_quantity_finite',
      sql`${table.inventory_quantity} > '-infinity' and ${table.inventory_quantity} < 'infinity'`,
    ),
    check('products_inventory_policy_known', sql`${table.inventory_policy} in (1, 2)`),
    check('products_categories_no_null', sql`array_position(${table.categories}, null) is null`),
    flatMetadataCheck('products_metadata_flat', table.metadata, productFeedKeys),
    index('products_updated_at').on(table.updated_at),
    index('products_hash').on(table.hash),
    // What the feed of stores leaves out of their lists.
    index('products_unpublished').on(table.id).where(sql`not ${table.published}`),
  ],
)

export const stores = pgTable(
  'stores',
  {
    id: merchantId().primaryKey(),
    title: text().notNull(),
    location: text(),
    description: text(),
    link: text(),
    image_link: text(),
    categories: emptyTexts(),
    address1: text(),
    address2: text(),
    city: text(),
    region: text(),
    zip: text(),
    country: text(),
    country_code: text(),
    phone: text(),
    latitude: doublePrecision(),
    longitude: doublePrecision(),
    published: boolean().notNull().default(true),
    metadata: metadata(),
    version: version(),
    hash: hash(),
    ...timestamps(),
  },
  (table) => [
    idCheck('stores_id_valid', table.id),
    notBlankCheck('stores_title_not_blank', table.title),
    check('stores_country_code_valid', sql`${table.country_code} ~ '^[A-Z]{2}$'`),
    check('stores_latitude_valid', sql`${table.latitude} between -90 and 90`),
    check('stores_longitude_valid', sql`${table.longitude} between -180 and 180`),
    check('stores_categories_no_null', sql`array_position(${table.categories}, null) is null`),
    flatMetadataCheck('stores_metadata_flat', table.metadata, storeFeedKeys),
    index('stores_updated_at').on(table.updated_at),
    index('stores_hash').on(table.hash),
  ],
)

export const productFeedKeys: readonly string[] = feedKeys(products, 'store_ids')
export const storeFeedKeys: readonly string[] = feedKeys(stores, 'product_ids')

/** A product is sold in a store. */
export const productStores = pgTable(
  'product_stores',
  {
    product_id: merchantId()
      .notNull()
      .references(() => products.id, { onDelete: 'cascade', onUpdate: 'cascade' }),
    store_id: merchantId()
      .notNull()
      .references(() => stores.id, { onDelete: 'cascade', onUpdate: 'cascade' }),
  },
  (table) => [
    primaryKey({ columns: [table.product_id, table.store_id] }),
    index('product_stores_by_store').on(table.store_id, table.product_id),
  ],
)

/** Products and stores share one catalog in Klaviyo: an id belongs to one of both. Kept by triggers. */
export const catalogIds = pgTable('catalog_ids', {
  id: merchantId().primaryKey(),
  kind: text({ enum: ['product', 'store'] }).notNull(),
})
