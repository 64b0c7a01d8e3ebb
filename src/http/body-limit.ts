/** In charge of how long a body may be. */

import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { AppError } from '../lib/errors.ts'

/**
 * A Content-Length is taken at its word, as node holds the body to it; only a body that comes in
 * chunks is counted, which costs a copy of it.
 */
export function limitBody(maxBytes: number) {
  const count = bodyLimit({ maxSize: maxBytes, onError: tooLarge })
  return createMiddleware((c, next) => {
    if (c.req.header('Transfer-Encoding') !== undefined) return count(c, next)
    if (Number(c.req.header('Content-Length') ?? 0) > maxBytes) tooLarge()
    return next()
  })
}

function tooLarge(): never {
  throw new AppError('too_large', 'The body may hold at most 10 MB.')
}
