/** What the pages of products and of stores show; all else they share. */

/** How a field is written in a form, and read from it. */
export type FieldKind =
  | 'text'
  | 'long'
  | 'number'
  | 'money'
  | 'list'
  | 'flag'
  | 'policy'
  | 'metadata'

export type Field = {
  name: string
  label: string
  kind: FieldKind
  hint?: string
  /** Inputs propose the values that other records have. */
  suggests?: true
}
export type Column = Field & { width: string }
export type Chip = { label: string; query: Record<string, string> }

export type Kind = {
  name: 'product' | 'store'
  plural: 'products' | 'stores'
  label: string
  columns: Column[]
  groups: { title: string; fields: Field[] }[]
  /** The query parameters that the list passes on. */
  filters: string[]
  sorts: [string, string][]
  chips: Chip[]
  emptyHint: string
}

const description: Field = { name: 'description', label: 'Description', kind: 'long' }
const link: Field = {
  name: 'link',
  label: 'Link',
  kind: 'text',
  hint: 'Mails point there. Begins with https://.',
}
const image: Field = {
  name: 'image_link',
  label: 'Image address',
  kind: 'text',
  hint: 'Product blocks show it. Begins with https://.',
}
const categories: Field = {
  name: 'categories',
  label: 'Categories',
  kind: 'list',
  hint: 'One a line.',
  suggests: true,
}
const published: Field = { name: 'published', label: 'In the feed', kind: 'flag' }
const metadata: Field = {
  name: 'metadata',
  label: 'Own fields',
  kind: 'metadata',
  hint: 'One a line, as name = value. They become fields of the feed.',
}
const title: Field = { name: 'title', label: 'Title', kind: 'text' }

const brand: Field = { name: 'brand', label: 'Brand', kind: 'text', suggests: true }
const price: Field = { name: 'price', label: 'Price', kind: 'money' }
const stock: Field = { name: 'inventory_quantity', label: 'Stock', kind: 'number' }

const hidden: Chip = { label: 'Hidden', query: { published: 'false' } }
const today: Chip = { label: 'Changed today', query: { changed: 'today' } }

export const productKind: Kind = {
  name: 'product',
  plural: 'products',
  label: 'Products',
  columns: [
    { ...title, width: 'wide' },
    { ...price, width: 'narrow' },
    { ...stock, width: 'narrow' },
    { ...brand, width: 'middle' },
    { ...categories, width: 'middle' },
    { ...published, width: 'tick' },
  ],
  groups: [
    {
      title: 'What it is',
      fields: [title, description, brand, categories, link, image],
    },
    {
      title: 'Price and stock',
      fields: [
        price,
        stock,
        { name: 'inventory_policy', label: 'When out of stock', kind: 'policy' },
        { name: 'sku', label: 'SKU', kind: 'text' },
        { name: 'gtin', label: 'GTIN', kind: 'text', hint: '8, 12, 13 or 14 digits.' },
      ],
    },
    {
      title: 'Where it shows',
      fields: [
        { ...published, hint: 'Klaviyo skips messages that name a product outside the feed.' },
        { name: 'in_store_only', label: 'Sold in stores only', kind: 'flag' },
      ],
    },
    { title: 'Own fields', fields: [metadata] },
  ],
  filters: [
    'q',
    'category',
    'brand',
    'store_id',
    'not_store_id',
    'published',
    'in_store_only',
    'sold',
    'in_stock',
    'price_min',
    'price_max',
    'finding',
  ],
  sorts: [
    ['id', 'Sorted by id'],
    ['title', 'Sorted by title'],
    ['price', 'Lowest price first'],
    ['-price', 'Highest price first'],
    ['-updated_at', 'Last changed first'],
  ],
  chips: [
    { label: 'No image', query: { finding: 'no_image' } },
    { label: 'No price', query: { finding: 'no_price' } },
    { label: 'Sold nowhere', query: { sold: 'none' } },
    { label: 'Out of stock', query: { in_stock: 'false' } },
    hidden,
    today,
  ],
  emptyHint: 'Bring them from a file or from another system, or write the first one here.',
}

const place = (name: string, label: string): Field => ({ name, label, kind: 'text' })
const location = place('location', 'Location')
const city: Field = { ...place('city', 'City'), suggests: true }
const region: Field = { ...place('region', 'Region'), suggests: true }
const phone = place('phone', 'Phone')

export const storeKind: Kind = {
  name: 'store',
  plural: 'stores',
  label: 'Stores',
  columns: [
    { ...title, width: 'wide' },
    { ...location, width: 'middle' },
    { ...city, width: 'middle' },
    { ...region, width: 'narrow' },
    { ...phone, width: 'middle' },
    { ...published, width: 'tick' },
  ],
  groups: [
    {
      title: 'What it is',
      fields: [
        title,
        { ...location, hint: 'What events call StoreLocation.' },
        description,
        categories,
        link,
        image,
        published,
      ],
    },
    {
      title: 'Where it is',
      fields: [
        place('address1', 'Address'),
        place('address2', 'Address, second line'),
        city,
        region,
        place('zip', 'Postal code'),
        { ...place('country', 'Country'), suggests: true },
        {
          ...place('country_code', 'Country code'),
          hint: 'Two capital letters, such as US.',
          suggests: true,
        },
        phone,
        { name: 'latitude', label: 'Latitude', kind: 'number' },
        { name: 'longitude', label: 'Longitude', kind: 'number' },
      ],
    },
    { title: 'Own fields', fields: [metadata] },
  ],
  filters: [
    'q',
    'category',
    'region',
    'city',
    'country_code',
    'published',
    'product_id',
    'finding',
  ],
  sorts: [
    ['id', 'Sorted by id'],
    ['title', 'Sorted by title'],
    ['-updated_at', 'Last changed first'],
  ],
  chips: [hidden, today],
  emptyHint: 'Bring them from a file, or write the first one here.',
}

const fields = [productKind, storeKind].flatMap(({ groups }) =>
  groups.flatMap((group) => group.fields),
)

/** Of a product or a store: fields of both have the same name for the same. */
export const fieldNamed = (name: string): Field | undefined =>
  fields.find((field) => field.name === name)
