import { bodyLimit } from 'hono/body-limit'
import { createMiddleware } from 'hono/factory'
import { AppError } from '../lib/errors.ts'

/** Node enforces Content-Length, so only chunked bodies are counted, which costs a copy. */
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
