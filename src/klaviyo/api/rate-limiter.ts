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
  /** Counts requests that another sender made. `epochMs` is the time by the clock that all senders share, the database's. */
  merge: (requests: Requests, epochMs: number) => void
}

/** Requests reach Klaviyo after this long at most, or at once; windows are that much wider here. */
const latencyMs = 250

const tickMs = 100

/** A time further ahead was written by a clock that has been set back since: it says nothing. */
const maxAheadMs = 1_000

/** `at` is monotonic: a clock that is set back or forward changes no wait. `tick` is for other senders. */
type Sent = { at: number; tick: number }

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
  /** In ascending order; some may lie ahead. */
  let sent: Sent[] = []
  /** From monotonic time to the shared clock's. */
  let epochOffset = Date.now() - performance.now()

  const freeAt = () =>
    Math.max(
      evenly ? (sent.at(-1)?.at ?? -Infinity) + spacingMs : 0,
      ...allowed.map(({ max, ms }) => (sent.at(-max)?.at ?? -Infinity) + ms + latencyMs),
    )

  const countByTick = () => {
    const since = performance.now() - 60_000
    const counts = new Map<number, number>()
    for (const { at, tick } of sent) if (at > since) counts.set(tick, (counts.get(tick) ?? 0) + 1)
    return counts
  }

  const left = () =>
    allowed.map(({ max, ms }) => {
      const since = performance.now() - ms - latencyMs
      return { max: Math.max(0, max - sent.filter(({ at }) => at > since).length), ms }
    })

  return {
    left,
    requests: () => Object.fromEntries(countByTick()),
    spacingMs,
    waitMs: () => Math.max(0, freeAt() - performance.now()),
    async acquire() {
      const at = Math.max(performance.now(), freeAt())
      sent.push({ at, tick: Math.floor((at + epochOffset) / tickMs) })
      if (sent.length > 2 * longest) sent = sent.slice(-longest)
      const waitMs = at - performance.now()
      // Timers drop fractions.
      if (waitMs > 0) await sleep(Math.ceil(waitMs))
    },
    merge(theirs, epochMs) {
      epochOffset = epochMs - performance.now()
      const mine = countByTick()
      const others: Sent[] = []
      // Before every order, hence the loops.
      for (const [key, count] of Object.entries(theirs)) {
        const tick = Number(key)
        if (tick * tickMs > epochMs + maxAheadMs) continue
        const at = (tick + 1) * tickMs - 1 - epochOffset
        for (let n = mine.get(tick) ?? 0; n < count; n++) others.push({ at, tick })
      }
      if (others.length === 0) return
      sent = [...sent, ...others].sort((a, b) => a.at - b.at).slice(-2 * longest)
    },
  }
}
