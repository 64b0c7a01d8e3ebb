/** Every payload of Klaviyo's brick-and-mortar guide, whole: keys, their order, and values. */
import { expect, test } from 'vitest'
import { identifyPayload, trackPayload } from '../../../src/klaviyo/legacy-track/payloads.ts'
import { type EventRef, toBuyer, toEvent } from '../../../src/klaviyo/mapping/event.ts'
import { identifierOnly, toProfile } from '../../../src/klaviyo/mapping/profile.ts'
import { names, order1234, payloads } from '../guide-payloads.ts'

function tracked(metric: EventRef['metric'], ref = '', uniqueId = '1234'): string {
  const about = { metric, ref, unique_id: uniqueId, backfill: false }
  const mapped = toEvent(about, order1234, toBuyer(order1234), names)
  if ('unsendable' in mapped) throw new Error(mapped.unsendable)
  return JSON.stringify(trackPayload(mapped.event, 'PUBLIC_API_KEY'))
}

test('Placed Order is the guide’s payload', () => {
  expect(tracked('placed_order')).toBe(payloads.placed_order)
})

test('Ordered Product is the guide’s payload', () => {
  expect(tracked('ordered_product', '1', '1234_LC-8QT')).toBe(payloads.ordered_product)
})

test('Fulfilled Order is the guide’s payload', () => {
  expect(tracked('fulfilled_order', 'f1')).toBe(payloads.fulfilled_order)
})

test('Cancelled Order is the guide’s payload, with its reason', () => {
  expect(tracked('cancelled_order', 'x1')).toBe(payloads.cancelled_order)
})

test('Refunded Order is the guide’s payload, with its reason', () => {
  expect(tracked('refunded_order', 'r1')).toBe(payloads.refunded_order)
})

test('Identify is the guide’s payload', () => {
  if (!order1234.customer) throw new Error('the guide’s order has a customer')
  const buyer = toProfile(order1234.customer, order1234)
  if (!buyer.profile) throw new Error('the guide’s customer has an e-mail')
  const payload = identifyPayload(identifierOnly(buyer.profile), 'PUBLIC_API_KEY')
  expect(JSON.stringify(payload)).toBe(payloads.identify)
})

test('an order that is not the newest says nothing about recent stores', () => {
  const about = { metric: 'placed_order', ref: '', unique_id: '1234', backfill: false } as const
  const older = { ...order1234, newest: false }
  const mapped = toEvent(about, older, toBuyer(older), names)
  const payload = 'event' in mapped ? JSON.stringify(trackPayload(mapped.event, 'k')) : ''
  expect(payload).toContain('"StoreId":"1212"')
  expect(payload).not.toContain('MostRecent')
})
