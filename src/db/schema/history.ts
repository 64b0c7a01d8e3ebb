/** Who changed what in the catalog by REST, in the console or by an import, for 90 days. Written by triggers. */
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uuid,
} from 'drizzle-orm/pg-core'
import { merchantId } from './columns.ts'

/** One request, or one imported file. */
export const historyChanges = pgTable(
  'history_changes',
  {
    id: uuid().primaryKey(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
    via: text().notNull(),
    key_id: bigint({ mode: 'number' }),
    /** The name that the key had. */
    actor: text(),
    file: text(),
    /** How many rows were changed, by what happened to them: `product_created`, `availability_removed`. */
    counts: jsonb().$type<Record<string, number>>().notNull().default({}),
    /** The rows of history_records; none is kept of a statement that is beyond the limit. */
    kept: integer().notNull().default(0),
    complete: boolean().notNull().default(true),
    undoes: uuid(),
  },
  (table) => [
    index('history_changes_at').on(table.at, table.id),
    index('history_changes_undoes').on(table.undoes).where(sql`${table.undoes} is not null`),
  ],
)

/** What a change did to a product, a store, or the availability of one in the other: the change has one row of each. */
export const historyRecords = pgTable(
  'history_records',
  {
    /** Of history_changes; without a foreign key, which would look it up for every row. */
    change_id: uuid().notNull(),
    /** Empty: a store. */
    product_id: merchantId().notNull(),
    /** Empty: a product. */
    store_id: merchantId().notNull(),
    /** The fields that differ, metadata key by key; all fields of what was removed. Null: there was no such record. */
    before: jsonb(),
    /** Null: there is no such record any more. */
    after: jsonb(),
  },
  (table) => [
    primaryKey({ columns: [table.change_id, table.product_id, table.store_id] }),
    index('history_records_product').on(table.product_id).where(sql`${table.product_id} <> ''`),
    index('history_records_store').on(table.store_id).where(sql`${table.store_id} <> ''`),
  ],
)
