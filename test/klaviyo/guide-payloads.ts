/** Order 1234 of Klaviyo's brick-and-mortar guide: as read from the database, and the guide's payloads. */
import type { MetricNames } from '../../src/klaviyo/mapping/event.ts'
import type { OrderRecord } from '../../src/klaviyo/mapping/records.ts'

export const names: MetricNames = {
  placed_order: 'Placed Order',
  ordered_product: 'Ordered Product',
  fulfilled_order: 'Fulfilled Order',
  cancelled_order: 'Cancelled Order',
  refunded_order: 'Refunded Order',
  returned_order: 'Returned Order',
  adjusted_order: 'Adjusted Order',
}

export const address = {
  first_name: 'John',
  last_name: 'Smith',
  company: '',
  address1: '123 abc street',
  address2: 'apt 1',
  city: 'Boston',
  region: 'Massachusetts',
  region_code: 'MA',
  country: 'United States',
  country_code: 'US',
  zip: '02110',
  phone: '5551234567',
}

const update = {
  occurred_at: '2013-12-17T20:42:36Z',
  reason: null,
  value: 335.99,
  excess: null,
  tracking_number: null,
  tracking_company: null,
  shipping_method: null,
  parts: null,
}

export const order1234: OrderRecord = {
  id: '1234',
  placed_at: '2013-12-17T17:47:03Z',
  currency: 'USD',
  total: 335.99,
  discount_code: null,
  discount_value: null,
  billing_address: address,
  shipping_address: address,
  metadata: {},
  warnings: [],
  newest: true,
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
    metadata: {},
  },
  store: { id: '1212', location: 'Boston', country_code: 'US' },
  items: [
    {
      line: 1,
      product_id: '1111',
      sku: 'LC-8QT',
      product_name: '8 quart Dutch Oven',
      quantity: 1,
      returned_order_id: null,
      item_price: 330,
      row_total: 330,
      brand: 'Le Creuset',
      categories: ['Kitchen Supplies', 'Cooking'],
      image_link: 'http://www.example.com/path/to/product/image.png',
    },
    {
      line: 2,
      product_id: '1112',
      sku: 'BC-TKYBST',
      product_name: 'Turkey Baster',
      quantity: 1,
      returned_order_id: null,
      item_price: 5.99,
      row_total: 5.99,
      brand: 'Betty Crocker',
      categories: ['Kitchen Supplies', 'Preparation'],
      image_link: 'http://www.example.com/path/to/product/image2.png',
    },
  ],
  unknown_products: [],
  amendment: 0,
  amendments: [],
  updates: [
    { ...update, kind: 'fulfilled', id: 'f1' },
    { ...update, kind: 'cancelled', id: 'x1', reason: 'No longer needed' },
    { ...update, kind: 'refunded', id: 'r1', reason: 'No longer needed' },
  ],
}

/** The guide's JSON, as text so that the order of keys counts; only the email is another. */
const profile = `{
    "$email": "john.smith@klaviyo-demo.com",
    "$first_name": "John",
    "$last_name": "Smith",
    "$phone_number": "5551234567",
    "$address1": "123 Abc st",
    "$address2": "Suite 1",
    "$city": "Boston",
    "$zip": "02110",
    "$region": "MA",
    "$country": "USA",
    "MostRecentStoreLocation": "Boston",
    "MostRecentStoreId": "1212"
  }`

const contents = `"Categories": ["Kitchen Supplies", "Cooking", "Preparation"],
    "ItemNames": ["8 quart Dutch Oven", "Turkey Baster"],
    "Brands": ["Le Creuset", "Betty Crocker"],
    "StoreId": "1212",
    "StoreLocation": "Boston",
    "Items": [{
        "ProductID": "1111",
        "SKU": "LC-8QT",
        "ProductName": "8 quart Dutch Oven",
        "Quantity": 1,
        "ItemPrice": 330.00,
        "RowTotal": 330.00,
        "ImageURL": "http://www.example.com/path/to/product/image.png",
        "Categories": ["Kitchen Supplies", "Cooking"],
        "Brand": "Le Creuset"
      },
      {
        "ProductID": "1112",
        "SKU": "BC-TKYBST",
        "ProductName": "Turkey Baster",
        "Quantity": 1,
        "ItemPrice": 5.99,
        "RowTotal": 5.99,
        "ImageURL": "http://www.example.com/path/to/product/image2.png",
        "Categories": ["Kitchen Supplies", "Preparation"],
        "Brand": "Betty Crocker"
      }
    ]`

const sentAddress = `{
      "FirstName": "John",
      "LastName": "Smith",
      "Company": "",
      "Address1": "123 abc street",
      "Address2": "apt 1",
      "City": "Boston",
      "Region": "Massachusetts",
      "RegionCode": "MA",
      "Country": "United States",
      "CountryCode": "US",
      "Zip": "02110",
      "Phone": "5551234567"
    }`

const whole = (event: string, reason: string, addresses: string, time: number) => `{
  "token": "PUBLIC_API_KEY",
  "event": "${event}",
  "customer_properties": ${profile},
  "properties": {
    "$event_id": "1234",
    "$value": 335.99,
    "OrderId": "1234",
    ${reason}${contents},
    ${addresses}
  },
  "time": ${time}
}`

const reason = '"Reason": "No longer needed",\n    '
const billing = `"BillingAddress": ${sentAddress}`

/** Text with the white space of {@link JSON.stringify}. */
const compact = (text: string) => JSON.stringify(JSON.parse(text))

export const payloads = {
  placed_order: compact(whole('Placed Order', '', billing, 1387302423)),
  fulfilled_order: compact(
    whole('Fulfilled Order', '', `"ShippingAddress": ${sentAddress}, ${billing}`, 1387312956),
  ),
  cancelled_order: compact(whole('Cancelled Order', reason, billing, 1387312956)),
  refunded_order: compact(whole('Refunded Order', reason, billing, 1387312956)),
  ordered_product: compact(`{
    "token": "PUBLIC_API_KEY",
    "event": "Ordered Product",
    "customer_properties": {
      "$email": "john.smith@klaviyo-demo.com",
      "MostRecentStoreLocation": "Boston",
      "MostRecentStoreId": "1212"
    },
    "properties": {
      "$event_id": "1234_LC-8QT",
      "$value": 330.00,
      "OrderId": "1234",
      "StoreId": "1212",
      "StoreLocation": "Boston",
      "ProductID": "1111",
      "SKU": "LC-8QT",
      "ProductName": "8 quart Dutch Oven",
      "Quantity": 1,
      "ImageURL": "http://www.example.com/path/to/product/image.png",
      "ProductCategories": ["Kitchen Supplies", "Cooking"],
      "ProductBrand": "Le Creuset"
    },
    "time": 1387302423
  }`),
  identify: compact(`{
    "token": "PUBLIC_API_KEY",
    "properties": {
      "$email": "john.smith@klaviyo-demo.com",
      "MostRecentStoreId": "1212",
      "MostRecentStoreLocation": "Boston"
    }
  }`),
}
