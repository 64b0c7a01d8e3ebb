import { afterEach, expect, test, vi } from 'vitest'
import { isPast } from '../../src/feeds/response-headers.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('a feed has a date once its second is over', () => {
  const now = Date.parse('2026-01-01T12:00:00.500Z')
  vi.useFakeTimers({ now, toFake: ['Date'] })
  const isDatedAfter = (ms: number) => isPast(new Date(now - ms))
  expect([0, 400, 600, 1000, 1001, 60_000].map(isDatedAfter)).toEqual([
    false,
    false,
    false,
    false,
    true,
    true,
  ])
})
