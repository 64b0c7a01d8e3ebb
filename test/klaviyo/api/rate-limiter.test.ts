import { afterEach, expect, test, vi } from 'vitest'
import { createRateLimiter } from '../../../src/klaviyo/api/rate-limiter.ts'

afterEach(() => {
  vi.useRealTimers()
})

const window = { max: 5, ms: 200 }

async function acquireTimes(
  limiter: ReturnType<typeof createRateLimiter>,
  count: number,
): Promise<number[]> {
  const times: number[] = []
  await Promise.all(
    Array.from({ length: count }, () =>
      limiter.acquire().then(() => times.push(performance.now())),
    ),
  )
  return times
}

test('in no window of its length are there more requests than allowed', async () => {
  const times = await acquireTimes(createRateLimiter([window], 1), 12)
  for (const from of times) {
    const within = times.filter((time) => time >= from && time < from + window.ms)
    expect(within.length).toBeLessThanOrEqual(window.max)
  }
})

test('a share of the limit is a share of the requests', async () => {
  const limiter = createRateLimiter([window], 0.4)
  await acquireTimes(limiter, 2)
  expect(limiter.waitMs()).toBeGreaterThan(0)
})

test('evenly spread requests keep their distance', async () => {
  const began = performance.now()
  const [, second = 0, third = 0] = await acquireTimes(
    createRateLimiter([window], 1, { evenly: true }),
    3,
  )
  // A late timer does not delay the next request.
  expect(second - began).toBeGreaterThanOrEqual(39)
  expect(third - began).toBeGreaterThanOrEqual(79)
})

test('requests of another sender count too, and count once', async () => {
  const [mine, theirs] = [createRateLimiter([window], 1), createRateLimiter([window], 1)]
  await acquireTimes(theirs, 5)
  mine.merge(theirs.requests(), Date.now())
  mine.merge(theirs.requests(), Date.now() + 7)
  expect(mine.waitMs()).toBeGreaterThan(0)
  expect(Object.values(mine.requests()).reduce((sum, count) => sum + count, 0)).toBe(5)
})

test('windows are a quarter of a second longer than Klaviyo’s: a request may take that long to arrive', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  const limiter = createRateLimiter([window], 1)
  await acquireTimes(limiter, 4)
  expect(limiter.waitMs()).toBe(0)
  expect(limiter.left()).toEqual([{ max: 1, ms: 200 }])
  await acquireTimes(limiter, 1)
  expect(limiter.waitMs()).toBe(450)
  vi.advanceTimersByTime(449)
  expect(limiter.waitMs()).toBe(1)
  expect(limiter.left()).toEqual([{ max: 0, ms: 200 }])
  vi.advanceTimersByTime(1)
  expect(limiter.waitMs()).toBe(0)
  expect(limiter.left()).toEqual([{ max: 5, ms: 200 }])
})

test('requests of another sender count from the end of their tenth of a second, for a minute', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 1_000_000_000_000 })
  const perMinute = { max: 5, ms: 60_000 }
  const [mine, theirs] = [createRateLimiter([perMinute], 1), createRateLimiter([perMinute], 1)]
  await acquireTimes(theirs, 5)
  vi.advanceTimersByTime(30_000)
  mine.merge(theirs.requests(), Date.now())
  expect(mine.waitMs()).toBe(30_000 + 99 + 250)
  vi.advanceTimersByTime(30_000)
  expect(theirs.requests()).toEqual({})
})

test('a clock that is set back or forward changes no wait', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 1_000_000_000_000 })
  const limiter = createRateLimiter([window], 1)
  await acquireTimes(limiter, 5)
  for (const hours of [-1, 2]) {
    vi.setSystemTime(1_000_000_000_000 + hours * 3_600_000)
    expect(limiter.waitMs()).toBe(450)
  }
})

test('requests that another sender dates ahead of the shared clock count for nothing', () => {
  const limiter = createRateLimiter([window], 1)
  const now = Date.now()
  const twoHoursAhead = Math.floor((now + 7_200_000) / 100)
  limiter.merge({ [twoHoursAhead]: 5 }, now)
  expect(limiter.waitMs()).toBe(0)
  expect(limiter.requests()).toEqual({})
})

test('a sender dates its requests by the shared clock, whatever its own says', async () => {
  const shared = Date.now() - 7_200_000
  const limiter = createRateLimiter([window], 1)
  limiter.merge({}, shared)
  await limiter.acquire()
  const [tick = ''] = Object.keys(limiter.requests())
  expect(Number(tick) * 100 - shared).toBeLessThan(60_000)
})
