/** Arbitrary orders: whatever Postgres can hold, storefeed must be able to send. */
import fc from 'fast-check'
import type { EventRef } from '../../src/klaviyo/mapping/event.ts'
import type { OrderRecord } from '../../src/klaviyo/mapping/records.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const maybe = fc.option(text)
const amountFrom = (min: number) =>
  fc.integer({ min, max: 10 ** 13 }).map((tenThousandths) => tenThousandths / 10_000)
const amount = amountFrom(0)
const signedAmount = amountFrom(-(10 ** 13))
const time = fc
  .date({ min: new Date('1990-01-01'), max: new Date('2030-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString())
const metadata = fc.dictionary(
  fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,20}$/),
  fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()),
)
const address = fc.option(
  fc.record({ first_name: maybe, company: maybe, city: maybe, phone: maybe }),
)

const customer = fc.record({
  id: text,
  email: fc.option(fc.oneof(fc.emailAddress(), text)),
  phone_number: fc.option(
    fc.oneof(fc.constantFrom('+16175551234', '5551234567', '020 7946 0958'), text),
  ),
  first_name: maybe,
  last_name: maybe,
  address1: maybe,
  address2: maybe,
  city: maybe,
  region: maybe,
  zip: maybe,
  country: maybe,
  metadata,
})

const item = fc.record({
  product_id: maybe,
  sku: maybe,
  product_name: maybe,
  quantity: fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: -1_000, max: -1 })),
  item_price: fc.option(amount),
  row_total: fc.option(amount),
  returned_order_id: maybe,
  brand: maybe,
  categories: fc.option(fc.array(text, { maxLength: 5 })),
  image_link: maybe,
})

const update = fc.record({
  kind: fc.constantFrom('fulfilled', 'cancelled', 'refunded'),
  id: fc.constantFrom('1', '2'),
  occurred_at: time,
  reason: maybe,
  value: fc.option(amount),
  excess: fc.option(amount),
  tracking_number: maybe,
  tracking_company: maybe,
  shipping_method: maybe,
  parts: fc.option(
    fc.array(
      fc.record({
        line: fc.integer({ min: 1, max: 5 }),
        quantity: fc.integer({ min: 0, max: 9 }),
        row_total: fc.option(amount),
        rest_quantity: fc.integer({ min: 0, max: 9 }),
        rest_total: fc.option(amount),
      }),
      { maxLength: 5 },
    ),
  ),
})

const items = fc
  .array(item, { maxLength: 5 })
  .map((each) => each.map((one, at) => ({ ...one, line: at + 1 })))

const amendment = fc.record({
  number: fc.constantFrom(1, 2),
  occurred_at: time,
  previous_total: signedAmount,
  total: signedAmount,
  difference: signedAmount,
  discount_value: fc.option(amount),
  items,
})

export const anyOrder: fc.Arbitrary<OrderRecord> = fc.record({
  id: text,
  placed_at: time,
  currency: fc.constantFrom('USD', 'EUR', 'JPY', 'GBP'),
  total: signedAmount,
  discount_code: maybe,
  discount_value: fc.option(amount),
  billing_address: address,
  shipping_address: address,
  metadata,
  warnings: fc.constant([]),
  newest: fc.boolean(),
  customer: fc.option(customer),
  store: fc.option(
    fc.record({
      id: text,
      location: maybe,
      country_code: fc.option(fc.constantFrom('US', 'GB', 'XX')),
    }),
  ),
  items,
  unknown_products: fc.array(text, { maxLength: 3 }),
  updates: fc.array(update, { maxLength: 4 }),
  amendment: fc.nat({ max: 2 }),
  amendments: fc.array(amendment, { maxLength: 2 }),
})

export const anyEventRef: fc.Arbitrary<EventRef> = fc.record({
  metric: fc.constantFrom(
    'placed_order',
    'ordered_product',
    'fulfilled_order',
    'cancelled_order',
    'refunded_order',
    'returned_order',
    'adjusted_order',
  ),
  ref: fc.constantFrom('', '1', '2'),
  unique_id: fc.string({ minLength: 1, maxLength: 40 }),
  backfill: fc.boolean(),
})
