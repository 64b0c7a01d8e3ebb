/** In charge of how a store looks in the store location feed. */
import { categories, type Item, metadata, text } from './item.ts'

/** A store as the feed reads it, with the published products it sells. */
export type StoreRow = {
  id: string
  title: string
  location: string | null
  description: string | null
  link: string | null
  image_link: string | null
  categories: string[]
  address1: string | null
  address2: string | null
  city: string | null
  region: string | null
  zip: string | null
  country: string | null
  phone: string | null
  latitude: number | null
  longitude: number | null
  metadata: Record<string, string | number | boolean>
  /** Comma-joined and sorted; null when it sells none. */
  product_ids: string | null
}

/** Every store has the category `store-location`, so that marketers can keep stores out of product blocks. */
export function storeItem(store: StoreRow): Item {
  return {
    $id: text(store.id),
    $title: text(store.title),
    $link: text(store.link),
    $description: text(store.description),
    $image_link: text(store.image_link),
    categories: categories([...store.categories, 'store-location']),
    product_ids: text(store.product_ids),
    location: text(store.location),
    address1: text(store.address1),
    address2: text(store.address2),
    city: text(store.city),
    region: text(store.region),
    zip: text(store.zip),
    country: text(store.country),
    phone: text(store.phone),
    latitude: store.latitude ?? undefined,
    longitude: store.longitude ?? undefined,
    ...metadata(store.metadata),
  }
}
