/** The tables of orders, their items and their updates. */
import { sql } from 'drizzle-orm'
import {
  check,
  index,
  integer,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  timestamp,
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
import { customers } from './customers.ts'

export const addressKeys = [
  'first_name',
  'last_name',
  'company',
  'address1',
  'address2',
  'city',
  'region',
  'region_code',
  'country',
  'country_code',
  'zip',
  'phone',
] as const
export type Address = { [key in (typeof addressKeys)[number]]?: string | null | undefined }

export const updateKinds = ['fulfilled', 'cancelled', 'refunded'] as const
export type UpdateKind = (typeof updateKinds)[number]

/** How many of a line an order update concerns. */
export type LineQuantity = { line: number; quantity: number }

/** Properties of an event that metadata of an order may not take. */
export const orderKeys = [
  'OrderId',
  'Reason',
  'Categories',
  'ItemNames',
  'Brands',
  'DiscountCode',
  'DiscountValue',
  'StoreId',
  'StoreLocation',
  'TrackingNumber',
  'TrackingCompany',
  'ShippingMethod',
  'Items',
  'FulfilledItems',
  'CancelledItems',
  'RefundedItems',
  'RemainingItems',
  'ShippingAddress',
  'BillingAddress',
] as const

const money = () => numeric({ precision: 14, scale: 4, mode: 'number' })
const instant = () => timestamp({ withTimezone: true, precision: 3 })

export const orders = pgTable(
  'orders',
  {
    id: merchantId().primaryKey(),
    customer_id: merchantId().references(() => customers.id, {
      onDelete: 'set null',
      onUpdate: 'cascade',
    }),
    /** No foreign key: an order outlives its store, and a sale is recorded even if its store is unknown. */
    store_id: merchantId(),
    placed_at: instant().notNull().defaultNow(),
    currency: text().notNull(),
    /** What was paid: below zero where more was returned than sold. */
    total: money().notNull(),
    billing_address: jsonb().$type<Address>(),
    shipping_address: jsonb().$type<Address>(),
    discount_code: text(),
    discount_value: money(),
    metadata: jsonb().$type<Metadata>().notNull().default({}),
    /** SHA-256 of the body that recorded it: the same again is a repeat, another one an amendment. */
    digest: text(),
    /** What was left out of what the order says of its customer, and why. Kept by triggers. */
    warnings: noWarnings(),
    /** When its customer was erased: since then it has none, and no message is written for it. */
    erased_at: instant(),
    ...timestamps(),
  },
  (table) => [
    idCheck('orders_id_valid', table.id),
    check('orders_currency_valid', sql`${table.currency} ~ '^[A-Z]{3}$'`),
    check('orders_total_finite', sql`${table.total} > '-infinity' and ${table.total} < 'infinity'`),
    check(
      'orders_discount_value_not_negative',
      sql`${table.discount_value} >= 0 and ${table.discount_value} < 'infinity'`,
    ),
    flatMetadataCheck('orders_metadata_flat', table.metadata, orderKeys),
    eventTimeCheck('orders_placed_at_valid', table.placed_at, table.created_at),
    ordinaryTimeCheck('orders_times_valid', table.created_at, table.updated_at),
    index('orders_customer').on(table.customer_id),
    index('orders_placed_at').on(table.placed_at, table.id),
  ],
)

export const orderItems = pgTable(
  'order_items',
  {
    order_id: merchantId()
      .notNull()
      .references(() => orders.id, { onDelete: 'cascade', onUpdate: 'cascade' }),
    /** Counts from 1. */
    line: integer().notNull(),
    /** No foreign key: an order outlives its product. Null: an amount without a product. */
    product_id: merchantId(),
    sku: text(),
    product_name: text(),
    /** Below zero: a returned line. */
    quantity: numeric({ precision: 14, scale: 4, mode: 'number' }).notNull().default(1),
    item_price: money(),
    /** Before adjustments, with the sign of the quantity; a trigger takes what is null from the product, here quantity times price. */
    row_total: money(),
    /** Of a returned line: the order in which it was bought, if that is known. */
    returned_order_id: merchantId(),
    brand: text(),
    categories: text().array(),
    image_link: text(),
  },
  (table) => [
    primaryKey({ columns: [table.order_id, table.line] }),
    idCheck('order_items_product_id_valid', table.product_id),
    check('order_items_line_from_one', sql`${table.line} >= 1`),
    idCheck('order_items_returned_order_id_valid', table.returned_order_id),
    check(
      'order_items_quantity_not_zero',
      sql`${table.quantity} <> 0 and ${table.quantity} > '-infinity' and ${table.quantity} < 'infinity'`,
    ),
    check(
      'order_items_item_price_not_negative',
      sql`${table.item_price} >= 0 and ${table.item_price} < 'infinity'`,
    ),
    check(
      'order_items_row_total_has_sign_of_quantity',
      sql`${table.row_total} * sign(${table.quantity}) >= 0 and ${table.row_total} > '-infinity' and ${table.row_total} < 'infinity'`,
    ),
    check('order_items_categories_no_null', sql`array_position(${table.categories}, null) is null`),
  ],
)

/** Says what is valid, not what is not: of a line that is no object, or lacks a key, both would be unknown. */
const validLine =
  'strict $[*] ? (@.line.type() == "number" && @.line >= 1 && @.line <= 2147483647 && @.line.floor() == @.line && @.quantity.type() == "number" && @.quantity > 0 && @.quantity <= 9999999)'

/** A fulfilment, cancellation or refund, of the whole order or of some lines. */
export const orderUpdates = pgTable(
  'order_updates',
  {
    order_id: merchantId()
      .notNull()
      .references(() => orders.id, { onDelete: 'cascade', onUpdate: 'cascade' }),
    kind: text({ enum: updateKinds }).notNull(),
    id: merchantId().notNull().default(sql`gen_random_uuid()::text`),
    occurred_at: instant().notNull().defaultNow(),
    reason: text(),
    /** A trigger takes what is null from what is left of the lines it names, or of the order, for its kind. */
    value: money(),
    /** Set by a trigger: by how much the value exceeds what was left; null when it does not. */
    excess: money(),
    /** Null: the whole order. */
    items: jsonb().$type<LineQuantity[]>(),
    tracking_number: text(),
    tracking_company: text(),
    shipping_method: text(),
    digest: text(),
    ...timestamps(),
  },
  (table) => [
    primaryKey({ columns: [table.order_id, table.kind, table.id] }),
    idCheck('order_updates_id_valid', table.id),
    check('order_updates_kind_known', sql`${table.kind} in ('fulfilled', 'cancelled', 'refunded')`),
    check(
      'order_updates_value_not_negative',
      sql`${table.value} >= 0 and ${table.value} < 'infinity'`,
    ),
    check(
      'order_updates_items_valid',
      sql`case when jsonb_typeof(${table.items}) = 'array' then jsonb_array_length(${table.items}) = jsonb_array_length(jsonb_path_query_array(${table.items}, ${sql.raw(`'${validLine}'`)})) else ${table.items} is null end`,
    ),
    eventTimeCheck('order_updates_occurred_at_valid', table.occurred_at, table.created_at),
    ordinaryTimeCheck('order_updates_times_valid', table.created_at, table.updated_at),
    index('order_updates_occurred_at').on(table.occurred_at),
  ],
)

/** What a change of an order is about; its numbers are of SQL, its items have the columns of `order_items`. */
export type OrderContent = {
  store_id: string | null
  total: number
  discount_value: number | null
  items: unknown[]
}

/** Changes of orders after they were recorded, one for each transaction; written by triggers. */
export const orderAmendments = pgTable(
  'order_amendments',
  {
    /** No foreign key, which would keep orders from being truncated; triggers follow the order. */
    order_id: merchantId().notNull(),
    /** Counts from 1. */
    number: integer().notNull(),
    occurred_at: instant().notNull().defaultNow(),
    before: jsonb().$type<OrderContent>().notNull(),
    /** Null until the transaction that made the change ends. */
    after: jsonb().$type<OrderContent>(),
  },
  (table) => [primaryKey({ columns: [table.order_id, table.number] })],
)
