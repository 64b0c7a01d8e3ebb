/** In charge of feeds that are unpacked while they are sent, each with buffers of its own: how many at once. */

import type { Limits } from '../http/limits.ts'
import { AppError } from './errors.ts'

/** Runs `send` when its turn comes, or throws a refusal when that takes too long. */
export type IdentityStreams = (send: () => Promise<void>) => Promise<void>

/** First come, first served: polls that waited for the same refresh all begin at once, and most are short. */
export function identityStreams({
  identityStreams: atOnce,
  identityWaitMs,
}: Pick<Limits, 'identityStreams' | 'identityWaitMs'>): IdentityStreams {
  let running = 0
  const waiting = new Set<() => void>()

  async function enter(): Promise<void> {
    if (running < atOnce) {
      running++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const giveUp = setTimeout(() => {
        waiting.delete(begin)
        reject(tooMany())
      }, identityWaitMs)
      function begin() {
        clearTimeout(giveUp)
        resolve()
      }
      waiting.add(begin)
    })
  }

  /** Hands its place to who waits longest. */
  function leave(): void {
    const [next] = waiting
    if (!next) {
      running--
      return
    }
    waiting.delete(next)
    next()
  }

  return async (send) => {
    await enter()
    try {
      await send()
    } finally {
      leave()
    }
  }
}

function tooMany(): AppError {
  const advice = 'Try again soon, or ask with Accept-Encoding: gzip, which is always served.'
  return new AppError('unavailable', `Too many feeds are being sent unpacked. ${advice}`)
}
