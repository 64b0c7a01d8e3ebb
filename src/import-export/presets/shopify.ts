import type { Preset } from './preset.ts'

/** Handle groups the rows of a product; further rows of it leave what belongs to the product blank. */
export const shopifyProducts: Preset = {
  name: 'shopify-products',
  kind: 'products',
  about: "Shopify's product export (Products > Export)",
  fields: {
    id: ['Handle'],
    title: ['Title'],
    description: ['Body (HTML)'],
    brand: ['Vendor'],
    categories: ['Tags'],
    sku: ['Variant SKU'],
    price: ['Variant Price'],
    image_link: ['Variant Image', 'Image Src'],
    inventory_quantity: ['Variant Inventory Qty'],
    inventory_policy: ['Variant Inventory Policy'],
  },
  values: { inventory_policy: { deny: '1', continue: '2' } },
  publishedIf: [
    { column: 'Status', values: ['active'] },
    { column: 'Published', values: ['true'] },
  ],
  skipBlank: ['Title', 'Variant Price'],
}

/** Name is on every row, Id only on the first. Items without SKU are known by their names. */
export const shopifyOrders: Preset = {
  name: 'shopify-orders',
  kind: 'orders',
  about: "Shopify's order export (Orders > Export)",
  fields: {
    id: ['Name'],
    placed_at: ['Created at'],
    currency: ['Currency'],
    total: ['Total'],
    discount_code: ['Discount Code'],
    discount_value: ['Discount Amount'],
    'customer.email': ['Email'],
    'customer.phone_number': ['Phone', 'Billing Phone', 'Shipping Phone'],
    'customer.city': ['Billing City'],
    'customer.region': ['Billing Province'],
    'customer.zip': ['Billing Zip'],
    'customer.country': ['Billing Country'],
    ...addressFields('billing_address', 'Billing'),
    ...addressFields('shipping_address', 'Shipping'),
    'items.product_id': ['Lineitem sku', 'Lineitem name'],
    'items.sku': ['Lineitem sku'],
    'items.product_name': ['Lineitem name'],
    'items.quantity': ['Lineitem quantity'],
    'items.item_price': ['Lineitem price'],
    'items.brand': ['Vendor'],
  },
}

function addressFields(field: string, prefix: string): Record<string, string[]> {
  return {
    [`${field}.company`]: [`${prefix} Company`],
    [`${field}.address1`]: [`${prefix} Address1`, `${prefix} Street`],
    [`${field}.address2`]: [`${prefix} Address2`],
    [`${field}.city`]: [`${prefix} City`],
    [`${field}.region`]: [`${prefix} Province Name`, `${prefix} Province`],
    [`${field}.region_code`]: [`${prefix} Province`],
    [`${field}.country_code`]: [`${prefix} Country`],
    [`${field}.zip`]: [`${prefix} Zip`],
    [`${field}.phone`]: [`${prefix} Phone`],
  }
}
