/** Order 1234 of Klaviyo's guide as a shop sends it by REST, and of the store and products that it names. */
import { address } from '../klaviyo/guide-payloads.ts'
import type { TestServer } from '../support/server.ts'

export const order1234 = {
  placed_at: '2013-12-17T17:47:03Z',
  store_id: '1212',
  currency: 'USD',
  total: 335.99,
  customer: {
    id: 'c1',
    email: 'john.smith@klaviyo-demo.com',
    phone_number: '5551234567',
    first_name: 'John',
    last_name: 'Smith',
    address1: '123 Abc st',
    address2: 'Suite 1',
    city: 'Boston',
    region: 'MA',
    zip: '02110',
    country: 'USA',
  },
  billing_address: address,
  shipping_address: address,
  items: [{ product_id: '1111', item_price: 330 }, { product_id: '1112' }],
}

const products = [
  {
    id: '1111',
    sku: 'LC-8QT',
    title: '8 quart Dutch Oven',
    price: 330,
    brand: 'Le Creuset',
    image_link: 'http://www.example.com/path/to/product/image.png',
    categories: ['Kitchen Supplies', 'Cooking'],
  },
  {
    id: '1112',
    sku: 'BC-TKYBST',
    title: 'Turkey Baster',
    price: 5.99,
    brand: 'Betty Crocker',
    image_link: 'http://www.example.com/path/to/product/image2.png',
    categories: ['Kitchen Supplies', 'Preparation'],
  },
]

export async function stockShop({ ask }: Pick<TestServer, 'ask'>): Promise<void> {
  await ask('PUT', '/v1/stores/1212', { title: 'Boston store', city: 'Boston', country_code: 'US' })
  await ask('POST', '/v1/products/batch', { products })
}
