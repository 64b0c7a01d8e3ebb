/** Orders and customers as they are read from the database to become events. */
import type { Metadata } from '../../db/schema/catalog.ts'
import type { Address, UpdateKind } from '../../db/schema/orders.ts'
import type { Warning } from '../../lib/warning.ts'

export type CustomerRecord = {
  id: string
  email: string | null
  phone_number: string | null
  first_name: string | null
  last_name: string | null
  address1: string | null
  address2: string | null
  city: string | null
  region: string | null
  zip: string | null
  country: string | null
  metadata: Metadata
}

/** The location is null when the store is unknown. */
export type StoreRecord = { id: string; location: string | null; country_code: string | null }

export type ItemRecord = {
  line: number
  /** Null: an amount without a product. */
  product_id: string | null
  sku: string | null
  product_name: string | null
  /** Below zero: a returned line. */
  quantity: number
  item_price: number | null
  row_total: number | null
  /** Of a returned line: the order in which it was bought. */
  returned_order_id: string | null
  brand: string | null
  categories: string[] | null
  image_link: string | null
}

/** How an update of some lines divides a line of the order: the part it is about, and the rest. */
export type PartRecord = {
  line: number
  quantity: number
  row_total: number | null
  rest_quantity: number
  rest_total: number | null
}

export type UpdateRecord = {
  kind: UpdateKind
  id: string
  occurred_at: string
  reason: string | null
  /** Null: nothing tells what the lines cost. */
  value: number | null
  /** By how much the value exceeds what was left. */
  excess: number | null
  tracking_number: string | null
  tracking_company: string | null
  shipping_method: string | null
  /** Null: the whole order. */
  parts: PartRecord[] | null
}

/** A change of the order after it was recorded: what it was then. */
export type AmendmentRecord = {
  number: number
  occurred_at: string
  previous_total: number
  total: number
  difference: number
  discount_value: number | null
  items: ItemRecord[]
}

export type OrderRecord = {
  id: string
  placed_at: string
  currency: string
  total: number
  discount_code: string | null
  discount_value: number | null
  billing_address: Address | null
  shipping_address: Address | null
  metadata: Metadata
  /** What was left out of what the order says of its customer. */
  warnings: Warning[]
  /** No order or visit of the customer in a store is newer. */
  newest: boolean
  customer: CustomerRecord | null
  store: StoreRecord | null
  items: ItemRecord[]
  /** Ids of products of its items that are not in the catalog. */
  unknown_products: string[]
  updates: UpdateRecord[]
  /** The number of the newest one; 0 without any. */
  amendment: number
  amendments: AmendmentRecord[]
}

/** With the store of the newest order or visit. */
export type CustomerWithStore = CustomerRecord & { store: StoreRecord | null; warnings: Warning[] }
