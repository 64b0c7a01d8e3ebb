import type { Preset } from './preset.ts'

/** Both of Lightspeed's tills: Retail R-Series (Item, System ID, Qty.) and X-Series (name, id, retail_price). */
export const lightspeedItems: Preset = {
  name: 'lightspeed-items',
  kind: 'products',
  about:
    "Lightspeed Retail's item export (R-Series: Inventory > Item search > Export; X-Series: Catalog > Products > Export)",
  fields: {
    id: ['System ID', 'id'],
    title: ['Item', 'name', 'Description'],
    description: ['Long Description', 'Short Description', 'description'],
    sku: ['Custom SKU', 'Manufact. SKU', 'sku'],
    price: ['Price', 'Default Price', 'retail_price'],
    brand: ['Brand', 'brand_name'],
    categories: ['Category', 'product_category', 'type'],
    image_link: ['image_url'],
    inventory_quantity: ['Qty.', 'Total QOH', 'Quantity on Hand'],
  },
  sums: { inventory_quantity: ['inventory_'] },
  publishedIf: [
    { column: 'active', values: ['1', 'true', 'yes', 'y'] },
    { column: 'Archived', values: ['no', 'n', 'false', '0', ''] },
  ],
}
