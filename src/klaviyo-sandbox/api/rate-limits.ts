/** In charge of Klaviyo's rate limits: fixed windows of a second and of a minute, each endpoint on its own. */
import { type Endpoint, RATES } from './limits.ts'

const BURST_MS = 1_000
const STEADY_MS = 60_000

type Window = { startsAt: number; used: number }

/** `closedUntil` is the time that the last 429 told the client to wait for. */
export type Windows = Record<Endpoint, { burst: Window; steady: Window; closedUntil: number }>

export type RateVerdict =
  | { allowed: true; limit: number; remaining: number; resetSeconds: number }
  | { allowed: false; retryAfterSeconds: number }

export function openWindows(): Windows {
  const fresh = () => ({
    burst: { startsAt: 0, used: 0 },
    steady: { startsAt: 0, used: 0 },
    closedUntil: 0,
  })
  return { events: fresh(), bulk: fresh(), profileImport: fresh() }
}

/** Counts one request. A refused one uses nothing up. */
export function takeRequest(windows: Windows, endpoint: Endpoint, now: number): RateVerdict {
  const { burst, steady } = windows[endpoint]
  const rate = RATES[endpoint]
  roll(burst, BURST_MS, now)
  roll(steady, STEADY_MS, now)
  if (steady.used >= rate.steady) return refuse(windows, endpoint, steady.startsAt + STEADY_MS, now)
  if (burst.used >= rate.burst) return refuse(windows, endpoint, burst.startsAt + BURST_MS, now)
  burst.used += 1
  steady.used += 1
  return {
    allowed: true,
    limit: rate.steady,
    remaining: rate.steady - steady.used,
    resetSeconds: Math.ceil((steady.startsAt + STEADY_MS - now) / 1_000),
  }
}

function roll(window: Window, lengthMs: number, now: number): void {
  const startsAt = now - (now % lengthMs)
  if (window.startsAt === startsAt) return
  window.startsAt = startsAt
  window.used = 0
}

function refuse(windows: Windows, endpoint: Endpoint, opensAt: number, now: number): RateVerdict {
  const retryAfterSeconds = Math.max(1, Math.ceil((opensAt - now) / 1_000))
  windows[endpoint].closedUntil = Math.max(windows[endpoint].closedUntil, opensAt)
  return { allowed: false, retryAfterSeconds }
}
