/** How a store looks in the store location feed. */
import { storeFields } from '../catalog/stores.ts'
import type { ManagedColumn, stores } from '../db/schema/catalog.ts'
import { addMetadata, address, categories, fieldsWriter, type Item, text } from './item.ts'

/** A store as the feed reads it, with the published products it sells. */
export type StoreRow = Omit<
  typeof stores.$inferSelect,
  ManagedColumn | 'published' | 'country_code'
> & {
  /** Comma-joined and sorted; null when it sells none, undefined when the feed is to do without. */
  product_ids?: string | null
}

const addOwnFields = fieldsWriter(storeFields)

/** Every store has the category `store-location`, so that marketers can keep stores out of product blocks. */
export function storeItem(store: StoreRow): Item {
  const item: Item = {
    $id: text(store.id),
    $title: text(store.title),
    $link: address(store.link),
    $description: text(store.description),
    $image_link: address(store.image_link),
    categories: categories([...store.categories, 'store-location']),
    product_ids: store.product_ids === undefined ? undefined : text(store.product_ids),
  }
  addOwnFields(item, store)
  addMetadata(item, store.metadata)
  return item
}
