import { createMiddleware } from 'hono/factory'
import { AppError } from '../lib/errors.ts'
import { maxBodyBytes } from './limits.ts'

/** Before anything is read. A chunked body is counted as it is read, which only a valid key may make the server do. */
export const limitBody = createMiddleware((c, next) => {
  if (Number(c.req.header('Content-Length') ?? 0) > maxBodyBytes) throw bodyTooLarge()
  return next()
})

export function bodyTooLarge(): AppError {
  return new AppError('too_large', 'The body may hold at most 10 MB.')
}
