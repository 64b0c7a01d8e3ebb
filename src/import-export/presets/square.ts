import type { Preset } from './preset.ts'

/** Each row is a variation of an item, with a token of its own. Stock has a column for each location. */
export const squareItems: Preset = {
  name: 'square-items',
  kind: 'products',
  about: "Square's item library (Items > Actions > Export library)",
  fields: {
    id: ['Token'],
    title: ['Customer-facing Name', 'Item Name'],
    description: ['Description'],
    categories: ['Categories', 'Category', 'Reporting Category'],
    sku: ['SKU'],
    gtin: ['GTIN'],
    price: ['Price'],
    link: ['Permalink'],
  },
  values: { price: { variable: '' } },
  sums: { inventory_quantity: ['current quantity '] },
  publishedIf: [{ column: 'Archived', values: ['n', 'no', 'false', ''] }],
}
