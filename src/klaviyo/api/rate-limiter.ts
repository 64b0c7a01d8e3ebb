/** Spaces requests so that no rate limit of Klaviyo's is exceeded: a sliding-window log. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Window } from './limits.ts'

/** Requests of the last minute by tenth of a second since the epoch: what one sender stores for the next. */
type Requests = Record<string, number>

export type RateLimiter = {
  /** Resolves when one more request may be sent. */
  acquire: () => Promise<void>
  /** How long until a request may be sent. */
  waitMs: () => number
  /** How far apart evenly spread requests are; 0 when they are not spread. */
  spacingMs: number
  /** How many requests may be sent at once under each window. */
  left: () => Window[]
  requests: () => Requests
  /** Counts requests that another sender made. */
  merge: (requests: Requests) => void
}

/** Requests reach Klaviyo after this long at most, or at once; windows are that much wider here. */
const latencyMs = 250

const tickMs = 100

/**
 * Klaviyo counts in fixed windows whose edges are unknown. Keeping the limit in every window of that
 * length, wherever it begins, keeps it in Klaviyo's.
 */
export function createRateLimiter(
  windows: readonly Window[],
  share: number,
  { evenly = false }: { evenly?: boolean } = {},
): RateLimiter {
  const allowed = windows.map(({ max, ms }) => ({ max: Math.max(1, Math.floor(max * share)), ms }))
  const longest = Math.max(...allowed.map(({ max }) => max))
  const spacingMs = evenly ? Math.max(...allowed.map(({ max, ms }) => ms / max)) : 0
  /** Times in ascending order; some may lie ahead. */
  let sent: number[] = []

  const freeAt = () =>
    Math.max(
      evenly ? (sent.at(-1) ?? 0) + spacingMs : 0,
      ...allowed.map(({ max, ms }) => (sent.at(-max) ?? -Infinity) + ms + latencyMs),
    )

  const requests = () => {
    const since = Date.now() - 60_000
    const ticks: Requests = {}
    for (const at of sent.filter((time) => time > since)) {
      const tick = Math.floor(at / tickMs)
      ticks[tick] = (ticks[tick] ?? 0) + 1
    }
    return ticks
  }

  const left = () =>
    allowed.map(({ max, ms }) => {
      const since = Date.now() - ms - latencyMs
      return { max: Math.max(0, max - sent.filter((at) => at > since).length), ms }
    })

  return {
    left,
    requests,
    spacingMs,
    waitMs: () => Math.max(0, freeAt() - Date.now()),
    async acquire() {
      const at = Math.max(Date.now(), freeAt())
      sent.push(at)
      if (sent.length > 2 * longest) sent = sent.slice(-longest)
      if (at > Date.now()) await sleep(at - Date.now())
    },
    merge(theirs) {
      const mine = requests()
      const others = Object.entries(theirs).flatMap(([tick, count]) => {
        const missing = Math.max(0, count - (mine[tick] ?? 0))
        return Array.from({ length: missing }, () => (Number(tick) + 1) * tickMs - 1)
      })
      if (others.length === 0) return
      sent = [...sent, ...others].sort((a, b) => a - b).slice(-2 * longest)
    },
  }
}
