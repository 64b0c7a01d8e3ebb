/** In charge of showing that no window of Klaviyo's is overrun, wherever its edges are. */
import { afterEach, expect, test, vi } from 'vitest'
import { createRateLimiter } from '../../../src/klaviyo/api/rate-limiter.ts'

afterEach(() => {
  vi.useRealTimers()
})

const window = { max: 5, ms: 200 }

async function takeTimes(
  pace: ReturnType<typeof createRateLimiter>,
  count: number,
): Promise<number[]> {
  const times: number[] = []
  await Promise.all(
    Array.from({ length: count }, () => pace.acquire().then(() => times.push(Date.now()))),
  )
  return times
}

test('in no window of its length are there more requests than allowed', async () => {
  const times = await takeTimes(createRateLimiter([window], 1), 12)
  for (const from of times) {
    const within = times.filter((time) => time >= from && time < from + window.ms)
    expect(within.length).toBeLessThanOrEqual(window.max)
  }
})

test('a share of the limit is a share of the requests', async () => {
  const pace = createRateLimiter([window], 0.4)
  await takeTimes(pace, 2)
  expect(pace.waitMs()).toBeGreaterThan(0)
})

test('evenly spread, requests keep their distance', async () => {
  const began = Date.now()
  const [, second = 0, third = 0] = await takeTimes(
    createRateLimiter([window], 1, { evenly: true }),
    3,
  )
  // One that is told late does not hold up the next.
  expect(second - began).toBeGreaterThanOrEqual(39)
  expect(third - began).toBeGreaterThanOrEqual(79)
})

test('what another sender used is not there to be used again, and is counted once', async () => {
  const [mine, theirs] = [createRateLimiter([window], 1), createRateLimiter([window], 1)]
  await takeTimes(theirs, 5)
  mine.merge(theirs.requests())
  mine.merge(theirs.requests())
  expect(mine.waitMs()).toBeGreaterThan(0)
  expect(Object.values(mine.requests()).reduce((sum, count) => sum + count, 0)).toBe(5)
})

test('a window is kept a quarter of a second longer than it is: a request may be that long under way', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const pace = createRateLimiter([window], 1)
  await takeTimes(pace, 4)
  expect(pace.waitMs()).toBe(0)
  expect(pace.left()).toEqual([{ max: 1, ms: 200 }])
  await takeTimes(pace, 1)
  expect(pace.waitMs()).toBe(450)
  vi.advanceTimersByTime(449)
  expect(pace.waitMs()).toBe(1)
  expect(pace.left()).toEqual([{ max: 0, ms: 200 }])
  vi.advanceTimersByTime(1)
  expect(pace.waitMs()).toBe(0)
  expect(pace.left()).toEqual([{ max: 5, ms: 200 }])
})

test('what another sender used counts to the end of its tenth of a second, for a minute', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000_000_000 })
  const perMinute = { max: 5, ms: 60_000 }
  const [mine, theirs] = [createRateLimiter([perMinute], 1), createRateLimiter([perMinute], 1)]
  await takeTimes(theirs, 5)
  vi.advanceTimersByTime(30_000)
  mine.merge(theirs.requests())
  expect(mine.waitMs()).toBe(30_000 + 99 + 250)
  vi.advanceTimersByTime(30_000)
  expect(theirs.requests()).toEqual({})
})
