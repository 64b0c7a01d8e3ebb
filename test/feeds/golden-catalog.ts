/** The catalog that the golden feeds show: every field filled, missing, blank and odd. */
import type { Database } from '../../src/db/connection.ts'
import { productStores, products, stores } from '../../src/db/schema/catalog.ts'

/** Markup, both line ends, what XML forbids, an emoji and letters of other scripts. */
const odd = ' <b>"Salt" & \'pepper\'</b> ]]>\r\nnext\u0001\u000b\ufffe\uffff é 日本 🍲\t'

/** White space of several kinds, and nothing: all of it is missing. */
const blank = { link: '', description: '\t\r\n', image_link: ' \u00a0\u3000' }

export async function fillGoldenCatalog(db: Database): Promise<void> {
  await db.insert(stores).values([
    {
      id: '1212',
      title: 'Boston Back Bay',
      location: 'Boston',
      description: 'Our first shop',
      link: 'https://shop.example/stores/1212?a=1&b=2',
      image_link: 'https://shop.example/stores/1212.jpg',
      categories: ['Kitchen Supplies', 'Classes, evenings'],
      address1: '123 Newbury Street',
      address2: 'Suite 1',
      city: 'Boston',
      region: 'MA',
      zip: '02116',
      country: 'United States',
      country_code: 'US',
      phone: '+16175550100',
      latitude: 42.3505,
      longitude: -71.0763,
      metadata: { parking: true, floors: 2, manager: 'Zoë' },
    },
    { id: 's bare', title: 'Bare' },
    {
      id: 's-blank',
      title: ' Blank ',
      ...blank,
      location: ' ',
      categories: ['', ' '],
      address1: '',
      address2: ' ',
      city: '',
      region: '',
      zip: '',
      country: '',
      phone: '',
      latitude: 0,
      longitude: 0,
      metadata: { note: ' ' },
    },
    {
      id: 'ß-odd',
      title: odd,
      location: odd,
      categories: [' store-location', 'Outlet', 'Outlet '],
      metadata: { odd },
    },
    { id: 's-hidden', title: 'Opens in spring', published: false },
  ])
  await db.insert(products).values([
    {
      id: '1111',
      sku: 'LC-8QT',
      title: '8 quart Dutch Oven',
      description: 'Cast iron,\nenamelled',
      link: 'https://shop.example/products/1111?a=1&b=2',
      image_link: 'https://shop.example/products/1111.png',
      price: 330,
      categories: ['Kitchen Supplies', ' Cooking '],
      brand: 'Le Creuset',
      gtin: '4006381333931',
      inventory_quantity: 25,
      inventory_policy: 1,
      metadata: { color: 'red', weight: 5.4, oven_safe: true, stock: 0 },
    },
    { id: 'p bare', title: 'Bare' },
    {
      id: 'p-blank',
      title: ' Blank ',
      ...blank,
      sku: ' ',
      categories: ['', '\u2028'],
      brand: '',
      price: 0,
      inventory_quantity: 0,
      inventory_policy: 2,
      metadata: { note: '', gift: false },
    },
    { id: 'p-in-store', title: 'In store only', price: 12.345, in_store_only: true },
    {
      id: 'p-in-store-too',
      title: 'In store only, and said so',
      price: 0.1,
      categories: ['in-store-only', 'Sale'],
      in_store_only: true,
    },
    {
      id: 'p-commas',
      title: 'Commas',
      price: 9999999999.99,
      categories: ['Pots, Pans', 'a ,b', 'a b', ' a b', ',', 'n/a', 'Pots', 'back\\slash'],
    },
    { id: 'ü-odd', title: odd, description: odd, categories: [odd], brand: odd, metadata: { odd } },
    { id: 'p-hidden', title: 'Not yet', published: false },
  ])
  await db.insert(productStores).values([
    ...['1212', 'ß-odd', 's bare', 's-hidden'].map((store_id) => ({
      product_id: '1111',
      store_id,
    })),
    { product_id: 'p-blank', store_id: 's-hidden' },
    { product_id: 'p-commas', store_id: '1212' },
    { product_id: 'ü-odd', store_id: '1212' },
    { product_id: 'p bare', store_id: '1212' },
    { product_id: 'p-hidden', store_id: '1212' },
    { product_id: 'p-hidden', store_id: 's-blank' },
  ])
}
