/** Validates the bodies by Klaviyo's official schemas, whose file `KLAVIYO_SCHEMAS` names. */
import { readFileSync } from 'node:fs'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../../../src/klaviyo/api/limits.ts'
import {
  bulkBody,
  bulkEntry,
  eventBody,
  profileBody,
} from '../../../src/klaviyo/api/request-bodies.ts'
import { type Event, toBuyer, toEvent } from '../../../src/klaviyo/mapping/event.ts'
import { trimEvent } from '../../../src/klaviyo/mapping/truncate.ts'
import { anyEventRef, anyOrder } from '../any-order.ts'
import { names, order1234 } from '../guide-payloads.ts'

const path = process.env.KLAVIYO_SCHEMAS
if (!path)
  process.stderr.write(
    'KLAVIYO_SCHEMAS is not set: bodies are not validated by Klaviyo’s schemas\n',
  )

describe.skipIf(!path)('Klaviyo’s official schemas', () => {
  const ajv = new Ajv({ strict: false })
  addFormats.default(ajv)
  const { operations } = JSON.parse(path ? readFileSync(path, 'utf8') : '{"operations":{}}')
  const violations = (operation: string, body: unknown) => {
    const valid = ajv.compile(operations[operation]?.schema ?? {})
    return valid(body) ? [] : valid.errors
  }

  test('accept the events of the guide, singly and in bulk', () => {
    const events = guideEvents()
    expect(events).toHaveLength(5)
    for (const event of events) {
      expect(violations('create_event', eventBody(event))).toEqual([])
      expect(violations('create_or_update_profile', profileBody(event.profile))).toEqual([])
    }
    const bulk = bulkBody(events.map((event) => JSON.stringify(bulkEntry(event))))
    expect(violations('bulk_create_events', JSON.parse(bulk))).toEqual([])
  })

  test('reject a wrong body, so that their acceptance means something', () => {
    const [event] = guideEvents()
    expect(
      violations('create_event', { data: { ...(event && eventBody(event).data), type: 'x' } }),
    ).not.toEqual([])
  })

  test('accept the events of any order', () => {
    fc.assert(
      fc.property(anyOrder, anyEventRef, (order, about) => {
        const mapped = toEvent(about, order, toBuyer(order), names)
        if ('unsendable' in mapped) return
        expect(violations('create_event', eventBody(mapped.event))).toEqual([])
        expect(violations('create_or_update_profile', profileBody(mapped.event.profile))).toEqual(
          [],
        )
      }),
    )
  })
})

test('whatever the order, its events are within Klaviyo’s limits', () => {
  fc.assert(
    fc.property(anyOrder, anyEventRef, (order, about) => {
      const mapped = toEvent(about, order, toBuyer(order), names)
      if ('unsendable' in mapped) return
      const { event } = trimEvent(mapped.event)
      expect(event.profile.email ?? event.profile.e164).not.toBeNull()
      expect(Object.keys(event.properties).length).toBeLessThanOrEqual(limits.properties)
      expect(JSON.stringify(event)).not.toContain('null,"StoreId"')
      expect(Object.values(event.properties)).not.toContain(null)
      for (const list of ['ItemNames', 'Brands', 'Categories']) {
        const values = event.properties[list] ?? []
        expect(values).toEqual([...new Set(Array.isArray(values) ? values : [])])
      }
      expect(Number.isFinite(event.value)).toBe(true)
      const sign = event.metric === names.adjusted_order ? '-?' : ''
      expect(`${event.value}`).toMatch(new RegExp(`^${sign}\\d+(\\.\\d{1,2})?$`))
    }),
  )
})

function guideEvents(): Event[] {
  const refs = [
    ['placed_order', ''],
    ['ordered_product', '1'],
    ['fulfilled_order', 'f1'],
    ['cancelled_order', 'x1'],
    ['refunded_order', 'r1'],
  ] as const
  return refs.flatMap(([metric, ref]) => {
    const mapped = toEvent(
      { metric, ref, unique_id: `${metric}1234`, backfill: true },
      order1234,
      toBuyer(order1234),
      names,
    )
    return 'event' in mapped ? [mapped.event] : []
  })
}
