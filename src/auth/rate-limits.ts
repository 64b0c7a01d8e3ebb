/** In charge of how often one may ask: counted by key, and by address for who has shown no good key. */
import { createMiddleware } from 'hono/factory'
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { AppError } from '../lib/errors.ts'
import { apiCredentials, type Credentials } from './credentials.ts'

/** Counts one request; throws a refusal when there were too many. */
export type CountRequest = (caller: Credentials) => Promise<void>

export const windowSeconds = 60

/**
 * Each request counts once: so who has a key is not held up by strangers behind the same proxy, and
 * strangers can't use up a key that they don't have.
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
      ? consume(byKey, caller.key, `With one key there may be ${perMinute} requests a minute.`)
      : consume(byAddress, caller.address, `From one address there may be ${perMinute} a minute.`)
}

/** One point of those that `name` has; throws a refusal when there is none left. */
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

/** A balancer asks these, and must not take a server for dead because others ask too much. */
const uncounted = new Set(['/healthz', '/readyz'])

export function countRequests(count: CountRequest) {
  return createMiddleware(async (c, next) => {
    if (!uncounted.has(c.req.path)) await count(apiCredentials(c))
    await next()
  })
}
