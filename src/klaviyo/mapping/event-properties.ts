/** Properties of events, with the names and in the order of Klaviyo's brick-and-mortar guide. */
import type { Address } from '../../db/schema/orders.ts'
import { money } from './money.ts'
import type {
  AmendmentRecord,
  ItemRecord,
  OrderRecord,
  PartRecord,
  UpdateRecord,
} from './records.ts'

export type Value = string | number | boolean | Value[] | Properties
export type Properties = { [name: string]: Value }

const addressNames = [
  ['FirstName', 'first_name'],
  ['LastName', 'last_name'],
  ['Company', 'company'],
  ['Address1', 'address1'],
  ['Address2', 'address2'],
  ['City', 'city'],
  ['Region', 'region'],
  ['RegionCode', 'region_code'],
  ['Country', 'country'],
  ['CountryCode', 'country_code'],
  ['Zip', 'zip'],
  ['Phone', 'phone'],
] as const

/** Of the whole order, or of one update. `Items` always holds all items of the order that is given. */
export function orderProperties(order: OrderRecord, update: UpdateRecord | null): Properties {
  const { items } = order
  return present({
    OrderId: order.id,
    Reason: update?.reason,
    Categories: distinct(items.flatMap((item) => item.categories ?? [])),
    ItemNames: distinct(items.map(nameOf)),
    Brands: distinct(items.map((item) => item.brand)),
    DiscountCode: order.discount_code,
    DiscountValue: amount(order.discount_value, order),
    StoreId: order.store?.id,
    StoreLocation: order.store?.location,
    TrackingNumber: update?.tracking_number,
    TrackingCompany: update?.tracking_company,
    ShippingMethod: update?.shipping_method,
    Items: items.map((item) => itemProperties(order, item)),
    ...(update?.parts && divided(order, update, update.parts)),
    ShippingAddress: update?.kind === 'fulfilled' ? address(order.shipping_address) : null,
    BillingAddress: address(order.billing_address),
    ...order.metadata,
  })
}

/** Of lines that were returned: `order` holds only these. */
export function returnProperties(order: OrderRecord, returnedOrderId: string): Properties {
  return {
    ...orderProperties(order, null),
    ...(returnedOrderId && { ReturnedOrderId: returnedOrderId }),
  }
}

/** `order` is as it was after the amendment. */
export function adjustmentProperties(order: OrderRecord, change: AmendmentRecord): Properties {
  return {
    ...orderProperties(order, null),
    PreviousTotal: money(change.previous_total, order.currency),
    Total: money(change.total, order.currency),
    Difference: money(change.difference, order.currency),
  }
}

/** Of one line, for Klaviyo's recommendations. */
export function productProperties(order: OrderRecord, item: ItemRecord): Properties {
  return present({
    OrderId: order.id,
    StoreId: order.store?.id,
    StoreLocation: order.store?.location,
    ProductID: item.product_id,
    SKU: item.sku,
    ProductName: nameOf(item),
    Quantity: item.quantity,
    ImageURL: item.image_link,
    ProductCategories: item.categories,
    ProductBrand: item.brand,
  })
}

function itemProperties(order: OrderRecord, item: ItemRecord): Properties {
  return present({
    ProductID: item.product_id,
    SKU: item.sku,
    ProductName: nameOf(item),
    Quantity: item.quantity,
    ItemPrice: amount(item.item_price, order),
    RowTotal: amount(item.row_total, order),
    ImageURL: item.image_link,
    Categories: item.categories,
    Brand: item.brand,
  })
}

const dividedNames = {
  fulfilled: 'FulfilledItems',
  cancelled: 'CancelledItems',
  refunded: 'RefundedItems',
} as const

/** The guide: "which items were and weren't cancelled", when only some were. */
function divided(order: OrderRecord, update: UpdateRecord, parts: PartRecord[]): Properties {
  const listed = (quantity: 'quantity' | 'rest_quantity', total: 'row_total' | 'rest_total') =>
    parts.flatMap((part) => {
      const item = order.items.find(({ line }) => line === part.line)
      if (!item || part[quantity] <= 0) return []
      const share = { ...item, quantity: part[quantity], row_total: part[total] }
      return [itemProperties(order, share)]
    })
  return {
    [dividedNames[update.kind]]: listed('quantity', 'row_total'),
    RemainingItems: listed('rest_quantity', 'rest_total'),
  }
}

/** All twelve keys, as in the guide; an unknown one is an empty text. */
function address(stored: Address | null): Properties | null {
  if (!stored) return null
  return Object.fromEntries(addressNames.map(([name, key]) => [name, stored[key] ?? '']))
}

function nameOf(item: ItemRecord): string | null {
  return item.product_name ?? item.product_id
}

function amount(value: number | null, { currency }: OrderRecord): number | null {
  return value === null ? null : money(value, currency)
}

function distinct(values: (string | null)[]): string[] {
  return [...new Set(values)].filter((value): value is string => !!value)
}

function present(properties: { [name: string]: Value | null | undefined }): Properties {
  const kept: Properties = {}
  for (const [name, value] of Object.entries(properties)) {
    if (value !== null && value !== undefined) kept[name] = value
  }
  return kept
}
