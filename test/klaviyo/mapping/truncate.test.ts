import { expect, test } from 'vitest'
import { limits } from '../../../src/klaviyo/api/limits.ts'
import { type Event, toBuyer, toEvent } from '../../../src/klaviyo/mapping/event.ts'
import { trimEvent } from '../../../src/klaviyo/mapping/truncate.ts'
import { names, order1234 } from '../guide-payloads.ts'

const details = (warnings: { detail: string }[]) => warnings.map(({ detail }) => detail)

const { customer } = order1234

/** With this metadata of the order and of its customer. */
function placed({ metadata = {}, ofCustomer = {} }): Event {
  const order = {
    ...order1234,
    metadata,
    customer: customer && { ...customer, metadata: ofCustomer },
  }
  const about = { metric: 'placed_order', ref: '', unique_id: '1234', backfill: false } as const
  const mapped = toEvent(about, order, toBuyer(order), names)
  if ('unsendable' in mapped) throw new Error(mapped.unsendable)
  return mapped.event
}

test.each([0, 1, 2, 3])(
  'a text of characters of four bytes, %i bytes from an even cut, is cut between two of them',
  (before) => {
    const start = 'a'.repeat(before)
    const { event, warnings } = trimEvent(
      placed({ metadata: { Note: start + '😀'.repeat(30_000) } }),
    )
    const fitting = Math.floor((100_000 - before) / 4)
    expect(event.properties.Note).toBe(start + '😀'.repeat(fitting))
    expect(details(warnings)).toEqual(['Note cut: the event exceeds Klaviyo’s limits'])
  },
)

test('a text of exactly as many bytes as Klaviyo accepts is not cut', () => {
  const metadata = { Note: 'é'.repeat(50_000) }
  const { event, warnings } = trimEvent(placed({ metadata }))
  expect(event.properties.Note).toBe(metadata.Note)
  expect(warnings).toEqual([])
})

test('of more than 400 properties the first 400 stay, which are those of the order itself', () => {
  const metadata = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`P${at}`, at]))
  const whole = placed({ metadata })
  const { event, warnings } = trimEvent(whole)
  const given = Object.keys(whole.properties)
  expect(Object.keys(event.properties)).toEqual(given.slice(0, 400))
  expect(event.properties).toHaveProperty('BillingAddress')
  expect(details(warnings)).toEqual([`properties cut from ${given.length} to 400`])
})

test('a profile of more bytes than Klaviyo accepts loses its custom properties and keeps its identifiers', () => {
  const { event, warnings } = trimEvent(placed({ ofCustomer: { Note: '€'.repeat(32_000) } }))
  expect(event.profile).toMatchObject({ email: 'john.smith@klaviyo-demo.com', properties: {} })
  expect(details(warnings)).toEqual([
    'properties of the customer omitted: the profile exceeds Klaviyo’s size limit',
  ])
})

test('an event too large for Klaviyo loses items first, and warns', () => {
  const items = order1234.items.flatMap((item) =>
    Array.from({ length: 1_500 }, (_, at) => ({
      ...item,
      line: at + 1,
      product_name: `${item.product_name} ${at} ${'x'.repeat(1_000)}`,
    })),
  )
  const about = { metric: 'placed_order', ref: '', unique_id: '1234', backfill: false } as const
  const mapped = toEvent(about, { ...order1234, items }, toBuyer(order1234), names)
  if ('unsendable' in mapped) throw new Error(mapped.unsendable)
  const { event, warnings } = trimEvent(mapped.event)
  expect(details(warnings)).toEqual(['Items cut: the event exceeds Klaviyo’s limits'])
  expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThan(limits.requestBytes)
  expect(event.value).toBe(335.99)
})
