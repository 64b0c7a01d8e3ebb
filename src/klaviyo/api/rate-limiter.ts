/** In charge of staying under Klaviyo's limits: requests are spaced so that no window is ever overrun. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Window } from './limits.ts'

/** Requests of the last minute by tenth of a second of the epoch: what one sender leaves for the next. */
type Requests = Record<string, number>

export type RateLimiter = {
  /** Resolves when one more request may leave. */
  acquire: () => Promise<void>
  /** How long until a request may leave. */
  waitMs: () => number
  /** How far apart evenly spread requests are; 0 when they are not spread. */
  spacingMs: number
  /** How many requests may leave at once under each window. */
  left: () => Window[]
  requests: () => Requests
  /** Counts requests that another sender made. */
  merge: (requests: Requests) => void
}

/** A request needs this long to reach Klaviyo at worst and none at best: windows are that much wider here. */
const travelMs = 250

const tickMs = 100

type PaceOptions = {
  /** Requests are spread over the minute, not used up at its beginning: a backlog then leaves room for what is live. */
  evenly?: boolean
}

/**
 * Klaviyo counts in fixed windows whose edges nobody knows. Obeying the limit in every window of that
 * length, wherever it begins, obeys it in Klaviyo's.
 */
export function createRateLimiter(
  windows: readonly Window[],
  share: number,
  { evenly = false }: PaceOptions = {},
): RateLimiter {
  const allowed = windows.map(({ max, ms }) => ({ max: Math.max(1, Math.floor(max * share)), ms }))
  const longest = Math.max(...allowed.map(({ max }) => max))
  const spacingMs = evenly ? Math.max(...allowed.map(({ max, ms }) => ms / max)) : 0
  let taken: number[] = []

  const freeAt = () =>
    Math.max(
      evenly ? (taken.at(-1) ?? 0) + spacingMs : 0,
      ...allowed.map(({ max, ms }) => (taken.at(-max) ?? -Infinity) + ms + travelMs),
    )

  const requests = () => {
    const since = Date.now() - 60_000
    const ticks: Requests = {}
    for (const at of taken.filter((time) => time > since)) {
      const tick = Math.floor(at / tickMs)
      ticks[tick] = (ticks[tick] ?? 0) + 1
    }
    return ticks
  }

  const left = () =>
    allowed.map(({ max, ms }) => {
      const since = Date.now() - ms - travelMs
      return { max: Math.max(0, max - taken.filter((at) => at > since).length), ms }
    })

  return {
    left,
    requests,
    spacingMs,
    waitMs: () => Math.max(0, freeAt() - Date.now()),
    async acquire() {
      const at = Math.max(Date.now(), freeAt())
      taken.push(at)
      if (taken.length > 2 * longest) taken = taken.slice(-longest)
      if (at > Date.now()) await sleep(at - Date.now())
    },
    merge(theirs) {
      const mine = requests()
      const others = Object.entries(theirs).flatMap(([tick, count]) => {
        const unknown = Math.max(0, count - (mine[tick] ?? 0))
        return Array.from({ length: unknown }, () => (Number(tick) + 1) * tickMs - 1)
      })
      if (others.length === 0) return
      taken = [...taken, ...others].sort((a, b) => a - b).slice(-2 * longest)
    },
  }
}
