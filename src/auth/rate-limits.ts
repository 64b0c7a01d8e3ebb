/** Rate limits by key, and by address for requests without a trusted key. */
import { createMiddleware } from 'hono/factory'
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { AppError } from '../lib/errors.ts'
import { apiCredentials, type Credentials } from './credentials.ts'
import { principalOf } from './principal.ts'

/** Counts one request; throws an {@link AppError} when there were too many. */
export type CountRequest = (caller: Credentials) => Promise<void>

export const windowSeconds = 60

/**
 * Each request counts once, so strangers behind the same proxy do not use up the limit of a key, nor guesses that of a
 * key that they do not have.
 */
export function requestCounter(
  perMinute: number,
  isTrusted: (caller: Credentials) => boolean,
): CountRequest {
  const window = { points: perMinute, duration: windowSeconds, keyPrefix: '' }
  const byKey = new RateLimiterMemory(window)
  const byAddress = new RateLimiterMemory(window)
  return (caller) =>
    caller.key !== undefined && isTrusted(caller)
      ? consume(byKey, caller.key, `A key may send ${perMinute} requests a minute.`)
      : consume(
          byAddress,
          caller.address,
          `An address may send ${perMinute} requests a minute without a valid key.`,
        )
}

/** Takes one point of `name`; throws an {@link AppError} when none is left. */
export async function consume(
  limiter: RateLimiterAbstract,
  name: string,
  message: string,
): Promise<void> {
  try {
    await limiter.consume(name)
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    const retryAfterSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
    const when = `Try again in ${retryAfterSeconds} s.`
    throw new AppError('too_many_requests', `${message} ${when}`, [], { retryAfterSeconds })
  }
}

/** A load balancer must not take a server for dead because other clients send too much. */
const unlimited = new Set(['/healthz', '/readyz'])

/** What the console asks within the process was counted with its page. */
export function countRequests(count: CountRequest) {
  return createMiddleware(async (c, next) => {
    if (!unlimited.has(c.req.path) && !principalOf(c)) await count(apiCredentials(c))
    await next()
  })
}
