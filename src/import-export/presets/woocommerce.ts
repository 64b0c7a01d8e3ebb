import type { Preset } from './preset.ts'

/** Variations are rows with ids of their own, next to the variable product, which has no price. Drafts are published -1. */
export const woocommerceProducts: Preset = {
  name: 'woocommerce-products',
  kind: 'products',
  about: "WooCommerce's product export (Products > Export)",
  fields: {
    id: ['ID'],
    sku: ['SKU'],
    title: ['Name'],
    description: ['Short description', 'Description'],
    price: ['Sale price', 'Regular price'],
    categories: ['Categories'],
    brand: ['Brands', 'Brand'],
    image_link: ['Images'],
    inventory_quantity: ['Stock'],
    inventory_policy: ['Backorders allowed?'],
  },
  values: { inventory_policy: { '0': '1', '1': '2', notify: '2' } },
  firstAddress: ['image_link'],
  publishedIf: [
    { column: 'Published', values: ['1'] },
    { column: 'Visibility in catalog', values: ['visible', 'catalog', 'search', ''] },
  ],
  variantType: {
    column: 'Type',
    parents: ['variable', 'grouped'],
    variants: [
      'variation',
      'variation, downloadable',
      'variation, virtual',
      'variation, downloadable, virtual',
    ],
  },
}
