/** In charge of how long a body may be. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { Refusal } from '../errors.ts'

const maxBodyBytes = 10_000_000

/**
 * A length that is told is enough: Node reads no more than that. Only what comes in chunks is counted,
 * as that makes a whole web Request of every request.
 */
export const limitBody: MiddlewareHandler = async (c, next) => {
  if (c.req.header('Transfer-Encoding') !== undefined) return countBody(c, next)
  if (Number(c.req.header('Content-Length') ?? 0) > maxBodyBytes) tooLarge()
  return next()
}

const countBody = bodyLimit({ maxSize: maxBodyBytes, onError: tooLarge })

function tooLarge(): never {
  throw new Refusal('too_large', 'The body may hold at most 10 MB.')
}
