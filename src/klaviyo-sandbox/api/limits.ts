/** Klaviyo's limits, and its rate limits: fixed windows of a second and of a minute for each endpoint. */

/** Klaviyo's pages say KB and MB; the strict reading is taken, 1 KB = 1,000 bytes. */
export const LIMITS = {
  eventBytes: 5_000_000,
  bulkBytes: 5_000_000,
  bulkEvents: 1_000,
  profileImportBytes: 100_000,
  profileBytes: 95_000,
  properties: 400,
  stringBytes: 100_000,
  arrayItems: 4_000,
  levels: 10,
  uniqueIdCharacters: 255,
  emailCharacters: 100,
  metricCharacters: 127,
  daysAhead: 365,
  feedBytes: 100_000_000,
  feedBytesAdvised: 50_000_000,
  feedMsAdvised: 5_000,
  catalogItems: 250_000,
  catalogCategories: 2_500,
} as const

/** Requests an account may make to an endpoint: `burst` in a second, `steady` in a minute. */
export const RATES = {
  events: { burst: 350, steady: 3_500 },
  bulk: { burst: 10, steady: 150 },
  profileImport: { burst: 75, steady: 750 },
} as const

export type Endpoint = keyof typeof RATES

const BURST_MS = 1_000
const STEADY_MS = 60_000

type Window = { startsAt: number; used: number }

/** `closedUntil` is the time at which the last 429 allowed a retry. */
export type Windows = Record<Endpoint, { burst: Window; steady: Window; closedUntil: number }>

type RateDecision =
  | { allowed: true; limit: number; remaining: number; resetSeconds: number }
  | { allowed: false; retryAfterSeconds: number }

export function createWindows(): Windows {
  const empty = () => ({
    burst: { startsAt: 0, used: 0 },
    steady: { startsAt: 0, used: 0 },
    closedUntil: 0,
  })
  return { events: empty(), bulk: empty(), profileImport: empty() }
}

/** Counts one request. A throttled one is not counted. */
export function takeRequest(windows: Windows, endpoint: Endpoint, now: number): RateDecision {
  const { burst, steady } = windows[endpoint]
  const rate = RATES[endpoint]
  advance(burst, BURST_MS, now)
  advance(steady, STEADY_MS, now)
  if (steady.used >= rate.steady) return close(windows, endpoint, steady.startsAt + STEADY_MS, now)
  if (burst.used >= rate.burst) return close(windows, endpoint, burst.startsAt + BURST_MS, now)
  burst.used += 1
  steady.used += 1
  return {
    allowed: true,
    limit: rate.steady,
    remaining: rate.steady - steady.used,
    resetSeconds: Math.ceil((steady.startsAt + STEADY_MS - now) / 1_000),
  }
}

function advance(window: Window, lengthMs: number, now: number): void {
  const startsAt = now - (now % lengthMs)
  if (window.startsAt === startsAt) return
  window.startsAt = startsAt
  window.used = 0
}

function close(windows: Windows, endpoint: Endpoint, opensAt: number, now: number): RateDecision {
  const retryAfterSeconds = Math.max(1, Math.ceil((opensAt - now) / 1_000))
  windows[endpoint].closedUntil = Math.max(windows[endpoint].closedUntil, opensAt)
  return { allowed: false, retryAfterSeconds }
}
