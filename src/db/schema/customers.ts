import { type SQLWrapper, sql } from 'drizzle-orm'
import {
  bigint,
  index,
  jsonb,
  pgTable,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { Metadata } from './catalog.ts'
import {
  eventTimeCheck,
  flatMetadataCheck,
  idCheck,
  merchantId,
  noWarnings,
  ordinaryTimeCheck,
  timestamps,
} from './columns.ts'

/** Profile properties that storefeed sets itself, so metadata may not take them. */
export const customerKeys = ['MostRecentStoreId', 'MostRecentStoreLocation'] as const

/** The prefix of ids that storefeed generates for customers without an id of the merchant's. */
export const ownIdPrefix = 'storefeed-'
export const ownId = sql`'${sql.raw(ownIdPrefix)}' || gen_random_uuid()`

/** However it is written: what people search by. */
export const phoneDigits = (phoneNumber: SQLWrapper) =>
  sql`regexp_replace(${phoneNumber}, '[^0-9]', '', 'g')`

export const customers = pgTable(
  'customers',
  {
    id: merchantId().primaryKey().default(ownId),
    email: text(),
    phone_number: text(),
    first_name: text(),
    last_name: text(),
    address1: text(),
    address2: text(),
    city: text(),
    region: text(),
    zip: text(),
    country: text(),
    metadata: jsonb().$type<Metadata>().notNull().default({}),
    /** Kept by triggers from orders and visits; never goes back in time. */
    most_recent_store_id: merchantId(),
    most_recent_store_at: timestamp({ withTimezone: true, precision: 3 }),
    /**
     * When the newest thing known of the customer was true. A writer gives the time of what it writes, now when
     * left out; a trigger lets what is older fill blanks only.
     */
    known_at: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
    /** By field, `metadata.key` for a key of metadata: when its value was true, in seconds since 1970. Kept by triggers. */
    field_times: jsonb().$type<Record<string, number>>().notNull().default({}),
    /** What the last write left out or gave unusable, and why. Kept by triggers. */
    warnings: noWarnings(),
    ...timestamps(),
    /** In microseconds, as of two with one telephone the older one is found by it. */
    created_at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    idCheck('customers_id_valid', table.id),
    flatMetadataCheck('customers_metadata_flat', table.metadata, customerKeys),
    ordinaryTimeCheck('customers_most_recent_store_at_valid', table.most_recent_store_at),
    ordinaryTimeCheck('customers_times_valid', table.created_at, table.updated_at),
    ordinaryTimeCheck('customers_known_at_valid', table.known_at),
    // Not unique where customers differed by case alone before this index; doctor says so.
    uniqueIndex('customers_email').on(sql`email_key(${table.email})`),
    index('customers_phone_number').on(table.phone_number),
    index('customers_phone_digits').on(phoneDigits(table.phone_number)),
  ],
)

export const visits = pgTable(
  'visits',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    customer_id: merchantId()
      .notNull()
      .references(() => customers.id, { onDelete: 'cascade', onUpdate: 'cascade' }),
    store_id: merchantId().notNull(),
    at: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
    created_at: timestamp({ withTimezone: true, precision: 3 }).notNull().defaultNow(),
  },
  (table) => [
    unique('visits_once').on(table.customer_id, table.store_id, table.at),
    eventTimeCheck('visits_at_valid', table.at, table.created_at),
    ordinaryTimeCheck('visits_created_at_valid', table.created_at),
  ],
)
