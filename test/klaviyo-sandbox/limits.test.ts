import { describe, expect, test } from 'vitest'
import { createWindows, RATES, takeRequest } from '../../src/klaviyo-sandbox/api/limits.ts'
import { bulkBody, errorsOf, eventBody, openSandbox, send, statsOf } from './klaviyo-requests.ts'

const BULK = '/api/event-bulk-create-jobs'
const MINUTE = Date.UTC(2026, 0, 1)

/** How many of `count` simultaneous requests are allowed. */
function countAllowed(windows: ReturnType<typeof createWindows>, count: number, now: number) {
  const decisions = Array.from({ length: count }, () => takeRequest(windows, 'bulk', now))
  return decisions.filter(({ allowed }) => allowed).length
}

describe('rate limits', () => {
  test('allow a burst in each second and the steady limit in each minute', () => {
    const windows = createWindows()
    const perSecond = Array.from({ length: 60 }, (_, second) =>
      countAllowed(windows, 12, MINUTE + second * 1_000),
    )
    expect(perSecond.slice(0, 16)).toEqual([...Array(15).fill(10), 0])
    expect(perSecond.reduce((sum, count) => sum + count, 0)).toBe(RATES.bulk.steady)
    expect(countAllowed(windows, 12, MINUTE + 60_000)).toBe(10)
  })

  test('give the time to wait: the rest of the second, or of the minute', () => {
    const windows = createWindows()
    countAllowed(windows, 10, MINUTE + 200)
    expect(takeRequest(windows, 'bulk', MINUTE + 300)).toEqual({
      allowed: false,
      retryAfterSeconds: 1,
    })
    for (let second = 1; second < 15; second++) countAllowed(windows, 10, MINUTE + second * 1_000)
    expect(takeRequest(windows, 'bulk', MINUTE + 20_500)).toEqual({
      allowed: false,
      retryAfterSeconds: 40,
    })
  })

  test('are separate for each endpoint', () => {
    const windows = createWindows()
    countAllowed(windows, 11, MINUTE)
    expect(takeRequest(windows, 'events', MINUTE).allowed).toBe(true)
  })
})

describe('a client', () => {
  test('gets RateLimit headers with the rest of the minute', async () => {
    const sandbox = await openSandbox()
    const { headers } = await send(sandbox, '/api/events', eventBody())
    expect(headers.get('ratelimit-limit')).toBe('3500')
    expect(headers.get('ratelimit-remaining')).toBe('3499')
    expect(Number(headers.get('ratelimit-reset'))).toBeLessThanOrEqual(60)
  })

  test('that sends too fast gets 429 with Retry-After and without RateLimit headers', async () => {
    const sandbox = await openSandbox()
    const sent = Array.from({ length: 40 }, (_, index) =>
      send(sandbox, BULK, bulkBody([{ unique_id: String(index) }])),
    )
    const responses = await Promise.all(sent)
    const throttled = responses.filter(({ status }) => status === 429)
    expect(throttled.length).toBeGreaterThan(0)
    for (const response of throttled) {
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(response.headers.get('ratelimit-limit')).toBeNull()
      expect(await errorsOf(response)).toMatchObject([{ status: 429, code: 'throttled' }])
    }
    const { requests, events } = await statsOf(sandbox)
    expect(requests).toMatchObject({ throttled: throttled.length, accepted: 40 - throttled.length })
    expect(events).toMatchObject({ recorded: 40 - throttled.length })
  })

  test('is not limited when limits are off', async () => {
    const sandbox = await openSandbox({ settings: { limits: false } })
    const sent = Array.from({ length: 30 }, (_, index) =>
      send(sandbox, BULK, bulkBody([{ unique_id: String(index) }])),
    )
    expect((await Promise.all(sent)).every(({ status }) => status === 202)).toBe(true)
  })
})
