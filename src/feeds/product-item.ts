/** How a product looks in the product catalog feed. */
import { productFields } from '../catalog/products.ts'
import type { ManagedColumn, products } from '../db/schema/catalog.ts'
import { addMetadata, address, categories, fieldsWriter, type Item, text } from './item.ts'

/** A product as the feed reads it: its price rounded to what the currency has, and the published stores that sell it. */
export type ProductRow = Omit<typeof products.$inferSelect, ManagedColumn | 'published'> & {
  /** Comma-joined and sorted; null when no store sells it. */
  store_ids: string | null
}

const addOwnFields = fieldsWriter(productFields)

export function productItem(product: ProductRow): Item {
  const item: Item = {
    $id: text(product.id),
    $title: text(product.title),
    $link: address(product.link),
    $description: text(product.description),
    price: product.price ?? undefined,
    $image_link: address(product.image_link),
    categories: categories(
      product.in_store_only ? [...product.categories, 'in-store-only'] : product.categories,
    ),
    store_ids: text(product.store_ids),
  }
  addOwnFields(item, product)
  // The tables hold what the till counts: half a metre, or one sold before it was booked in.
  if (product.inventory_quantity !== null)
    item.inventory_quantity = Math.max(0, Math.floor(product.inventory_quantity))
  addMetadata(item, product.metadata)
  return item
}
