/** In charge of feeds that are unpacked while they are sent, each with buffers of its own: how many at once. */
import { Refusal } from '../errors.ts'

/** Runs `send`, or throws a refusal when too many run already. */
export type IdentityStreams = (send: () => Promise<void>) => Promise<void>

export function identityStreams(atOnce: number): IdentityStreams {
  let running = 0
  return async (send) => {
    if (running >= atOnce) {
      const advice = 'Try again soon, or ask with Accept-Encoding: gzip, which is always served.'
      throw new Refusal('unavailable', `Too many feeds are being sent unpacked. ${advice}`)
    }
    running++
    try {
      await send()
    } finally {
      running--
    }
  }
}
