import { describe, expect, test } from 'vitest'
import { bulkBody, errorsOf, list, openSandbox, send, statsOf } from './klaviyo-requests.ts'
import samples from './klaviyo-samples.json' with { type: 'json' }

const BULK = '/api/event-bulk-create-jobs'
const ITEMS = '/data/attributes/events-bulk-create/data'

describe('a bulk request', () => {
  test('is recorded with its backfill flag', async () => {
    const sandbox = await openSandbox()
    expect((await send(sandbox, BULK, samples.bulk)).status).toBe(202)
    const events = await list(sandbox, '/sandbox/events')
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ unique_id: '1234', backfill: true, transport: 'bulk' })
  })

  test('keeps the order of its events', async () => {
    const sandbox = await openSandbox()
    const metrics = ['Placed Order', 'Ordered Product', 'Fulfilled Order', 'Refunded Order']
    const events = metrics.map((metric) => ({
      metric,
      unique_id: '1',
      properties: { OrderId: '1' },
    }))
    await send(
      sandbox,
      BULK,
      bulkBody([{ unique_id: '2', properties: { OrderId: '2' } }, ...events]),
    )
    const listed = await list(sandbox, '/sandbox/events?order=1')
    expect(listed.map((event) => event.metric)).toEqual(metrics)
  })

  test('is rejected as a whole for one invalid item, with a pointer to its index', async () => {
    const sandbox = await openSandbox()
    const events = [
      { unique_id: '0' },
      { unique_id: '1', profile: { phone_number: '555' } },
      { unique_id: '2' },
      { unique_id: '3', time: 'yesterday' },
    ]
    const response = await send(sandbox, BULK, bulkBody(events))
    expect(response.status).toBe(400)
    const pointers = (await errorsOf(response)).map((error) => error.source.pointer)
    expect(pointers).toContain(`${ITEMS}/1/attributes/profile/data/attributes/phone_number`)
    expect(pointers).toContain(`${ITEMS}/3/attributes/events/data/0/attributes/time`)
    expect((await statsOf(sandbox)).events).toMatchObject({ recorded: 0 })
  })

  test('is rejected when it repeats a unique_id for the same profile and metric', async () => {
    const sandbox = await openSandbox()
    const twice = await send(
      sandbox,
      BULK,
      bulkBody([{ unique_id: '1' }, { unique_id: '2' }, { unique_id: '1' }]),
    )
    expect(twice.status).toBe(400)
    expect(await errorsOf(twice)).toMatchObject([
      { source: { pointer: `${ITEMS}/2/attributes/events/data/0/attributes/unique_id` } },
    ])
    const two = [{ unique_id: '1' }, { unique_id: '1', metric: 'Fulfilled Order' }]
    expect((await send(sandbox, BULK, bulkBody(two))).status).toBe(202)
  })

  test('may have 1,000 events, not 1,001', async () => {
    const sandbox = await openSandbox()
    const events = Array.from({ length: 1_001 }, (_, index) => ({ unique_id: String(index) }))
    const tooMany = await send(sandbox, BULK, bulkBody(events))
    expect(tooMany.status).toBe(400)
    expect(await errorsOf(tooMany)).toMatchObject([{ source: { pointer: ITEMS } }])
    expect((await send(sandbox, BULK, bulkBody(events.slice(1)))).status).toBe(202)
    expect((await statsOf(sandbox)).events).toMatchObject({ recorded: 1_000 })
  })
})
