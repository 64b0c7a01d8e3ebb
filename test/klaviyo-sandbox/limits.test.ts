import { describe, expect, test } from 'vitest'
import { RATES } from '../../src/klaviyo-sandbox/api/limits.ts'
import { openWindows, takeRequest } from '../../src/klaviyo-sandbox/api/rate-limits.ts'
import { bulkBody, errorsOf, eventBody, openSandbox, send, statsOf } from './klaviyo-requests.ts'

const BULK = '/api/event-bulk-create-jobs'
const MINUTE = Date.UTC(2026, 0, 1)

/** How many of these requests, all at one moment, are let in. */
function countAllowed(windows: ReturnType<typeof openWindows>, count: number, now: number) {
  const verdicts = Array.from({ length: count }, () => takeRequest(windows, 'bulk', now))
  return verdicts.filter((verdict) => verdict.allowed).length
}

describe('the windows', () => {
  test('let a burst through each second and no more than the steady limit each minute', () => {
    const windows = openWindows()
    const perSecond = Array.from({ length: 60 }, (_, second) =>
      countAllowed(windows, 12, MINUTE + second * 1_000),
    )
    expect(perSecond.slice(0, 16)).toEqual([...Array(15).fill(10), 0])
    expect(perSecond.reduce((sum, count) => sum + count, 0)).toBe(RATES.bulk.steady)
    expect(countAllowed(windows, 12, MINUTE + 60_000)).toBe(10)
  })

  test('tell how long to wait: the rest of the second, or of the minute', () => {
    const windows = openWindows()
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

  test('are each endpoint’s own', () => {
    const windows = openWindows()
    countAllowed(windows, 11, MINUTE)
    expect(takeRequest(windows, 'events', MINUTE).allowed).toBe(true)
  })
})

describe('a client', () => {
  test('is told what is left of the minute', async () => {
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
    const answers = await Promise.all(sent)
    const refused = answers.filter((answer) => answer.status === 429)
    expect(refused.length).toBeGreaterThan(0)
    for (const answer of refused) {
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.headers.get('ratelimit-limit')).toBeNull()
      expect(await errorsOf(answer)).toMatchObject([{ status: 429, code: 'throttled' }])
    }
    const { requests, events } = await statsOf(sandbox)
    expect(requests).toMatchObject({ throttled: refused.length, accepted: 40 - refused.length })
    expect(events).toMatchObject({ recorded: 40 - refused.length })
  })

  test('meets no limit when they are switched off', async () => {
    const sandbox = await openSandbox({ settings: { limits: false } })
    const sent = Array.from({ length: 30 }, (_, index) =>
      send(sandbox, BULK, bulkBody([{ unique_id: String(index) }])),
    )
    expect((await Promise.all(sent)).every((answer) => answer.status === 202)).toBe(true)
  })
})
