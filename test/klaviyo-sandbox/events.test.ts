import { describe, expect, test } from 'vitest'
import { eventBody, list, openSandbox, send, statsOf } from './klaviyo-requests.ts'
import samples from './klaviyo-samples.json' with { type: 'json' }

describe('an event', () => {
  test('is accepted with an empty 202 and recorded', async () => {
    const sandbox = await openSandbox()
    const response = await send(sandbox, '/api/events', samples.event)
    expect(response.status).toBe(202)
    expect(await response.text()).toBe('')
    expect(response.headers.get('x-storefeed-sandbox')).toBe('true')
    expect(response.headers.get('x-klaviyo-req-id')).toMatch(/^[0-9a-f-]{36}$/)
    const events = await list(sandbox, '/sandbox/events?order=1234')
    expect(events).toEqual([
      {
        sequence: 1,
        metric: 'Placed Order',
        unique_id: '1234',
        order: '1234',
        profile_id: expect.any(String),
        time: '2022-11-08T00:00:00.000Z',
        received_at: expect.any(String),
        value: 9.99,
        backfill: true,
        transport: 'events',
        ignored_properties: [],
        body: samples.event.data.attributes,
      },
    ])
  })

  test('may be sent to a URL with a trailing slash', async () => {
    const sandbox = await openSandbox()
    expect((await send(sandbox, '/api/events/', samples.event)).status).toBe(202)
  })

  test('is recorded once for a profile, metric and unique_id', async () => {
    const sandbox = await openSandbox()
    const sent = [
      { unique_id: '1' },
      { unique_id: '1' },
      { unique_id: '1', email: 'JOHN.SMITH@klaviyo-demo.com' },
      { unique_id: '2' },
      { unique_id: '1', metric: 'Fulfilled Order' },
      { unique_id: '1', email: 'jane@klaviyo-demo.com' },
    ]
    for (const parts of sent) {
      expect((await send(sandbox, '/api/events', eventBody(parts))).status).toBe(202)
    }
    const stats = await statsOf(sandbox)
    expect(stats.events).toMatchObject({ recorded: 4, duplicates: 2 })
    expect(stats.profiles).toMatchObject({ total: 2 })
  })

  test('without unique_id is deduplicated by the second, so line items of one order are lost', async () => {
    const sandbox = await openSandbox()
    const parts = { metric: 'Ordered Product', time: '2024-05-01T10:00:00.250+02:00' }
    await send(sandbox, '/api/events', eventBody(parts))
    await send(sandbox, '/api/events', eventBody({ ...parts, time: '2024-05-01T08:00:00.900Z' }))
    expect((await statsOf(sandbox)).events).toMatchObject({
      recorded: 1,
      duplicates: 1,
    })
  })

  test('is dropped silently where Klaviyo would, with a reason in /sandbox/drops', async () => {
    const sandbox = await openSandbox()
    const dropped = [
      [{ email: 'someone@example.com' }, 'reserved_domain'],
      [{ email: 'someone@TEST.com' }, 'reserved_domain'],
      [{ profile: { first_name: 'John' } }, 'no_identifier'],
    ] as const
    for (const [parts] of dropped) {
      expect((await send(sandbox, '/api/events', eventBody(parts))).status).toBe(202)
    }
    const event = eventBody()
    const attributes = {
      ...event.data.attributes,
      profile: { data: { type: 'profile', id: '01NOBODY', attributes: {} } },
    }
    expect(
      (await send(sandbox, '/api/events', { data: { type: 'event', attributes } })).status,
    ).toBe(202)
    const drops = await list(sandbox, '/sandbox/drops')
    expect(drops.map((drop) => drop.reason)).toEqual([
      ...dropped.map(([, reason]) => reason),
      'unknown_profile',
    ])
    expect((await statsOf(sandbox)).events).toMatchObject({ recorded: 0 })
  })

  test('lists the properties that Klaviyo ignores', async () => {
    const sandbox = await openSandbox()
    const properties = { Company: '', Discount: 0, Coupon: null, StoreId: '1212', Gift: false }
    await send(sandbox, '/api/events', eventBody({ properties }))
    const events = await list(sandbox, '/sandbox/events')
    expect(events[0]?.ignored_properties).toEqual(['Company', 'Discount', 'Coupon'])
  })
})
