/** In charge of how a product looks in the product catalog feed. */
import { categories, type Item, metadata, text } from './item.ts'

/** A product as the feed reads it: its price rounded to what the currency has, and the published stores that sell it. */
export type ProductRow = {
  id: string
  sku: string | null
  title: string
  description: string | null
  link: string | null
  image_link: string | null
  price: number | null
  categories: string[]
  brand: string | null
  in_store_only: boolean
  inventory_quantity: number | null
  inventory_policy: number | null
  metadata: Record<string, string | number | boolean>
  /** Comma-joined and sorted; null when no store sells it. */
  store_ids: string | null
}

export function productItem(product: ProductRow): Item {
  return {
    $id: text(product.id),
    $title: text(product.title),
    $link: text(product.link),
    $description: text(product.description),
    price: product.price ?? undefined,
    $image_link: text(product.image_link),
    categories: categories(
      product.in_store_only ? [...product.categories, 'in-store-only'] : product.categories,
    ),
    store_ids: text(product.store_ids),
    sku: text(product.sku),
    brand: text(product.brand),
    inventory_quantity: product.inventory_quantity ?? undefined,
    inventory_policy: product.inventory_policy ?? undefined,
    ...metadata(product.metadata),
  }
}
