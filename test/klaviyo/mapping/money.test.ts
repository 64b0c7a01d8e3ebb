/** Amounts are rounded as they are written, half up, to the decimals of their currency. */
import { expect, test } from 'vitest'
import { toBuyer, toEvent } from '../../../src/klaviyo/mapping/event.ts'
import { money } from '../../../src/klaviyo/mapping/money.ts'
import { names, order1234 } from '../guide-payloads.ts'

test.each([
  [1.005, 'USD', 1.01],
  [2.675, 'USD', 2.68],
  [1.0049, 'USD', 1],
  [8.165, 'EUR', 8.17],
  [335.99, 'USD', 335.99],
  [99_999_999.995, 'USD', 100_000_000],
  [0, 'USD', 0],
  [0.5, 'JPY', 1],
  [0.4999, 'JPY', 0],
  [1234.5, 'JPY', 1235],
  [1.0005, 'KWD', 1.001],
  [1.0004, 'KWD', 1],
  [2.6755, 'KWD', 2.676],
  [1.2345, 'CLF', 1.2345],
])('%d %s is sent as %d', (amount, currency, sent) => {
  expect(money(amount, currency)).toBe(sent)
})

test('every amount of an event is rounded to its currency', () => {
  const [item] = order1234.items
  const parts = [{ line: 1, quantity: 1, row_total: 0.5, rest_quantity: 1, rest_total: 1.5 }]
  const [update] = order1234.updates
  if (!item || !update) throw new Error('the guide’s order has items and updates')
  const order = {
    ...order1234,
    currency: 'JPY',
    discount_value: 2.5,
    items: [{ ...item, item_price: 3.5, row_total: 4.5 }],
    updates: [{ ...update, value: 5.5, parts }],
  }
  const about = { metric: 'fulfilled_order', ref: 'f1', unique_id: '1', backfill: false } as const
  expect(toEvent(about, order, toBuyer(order), names)).toMatchObject({
    event: {
      value: 6,
      currency: 'JPY',
      properties: {
        DiscountValue: 3,
        Items: [{ ItemPrice: 4, RowTotal: 5 }],
        FulfilledItems: [{ ItemPrice: 4, RowTotal: 1 }],
        RemainingItems: [{ ItemPrice: 4, RowTotal: 2 }],
      },
    },
  })
})
