/** Refuses what another site makes a browser send, whose cookie would be sent along. */
import { createMiddleware } from 'hono/factory'
import { AppError } from '../lib/errors.ts'

export const sameOrigin = createMiddleware(async (c, next) => {
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  if (
    !isRead &&
    !isFromHere(c.req.header('Sec-Fetch-Site'), c.req.header('Origin'), c.req.header('Host'))
  )
    throw new AppError('forbidden', 'Another site sent this request. Open the console itself.')
  await next()
})

/** By the Host, not by the scheme: a proxy may have ended TLS. */
function isFromHere(
  site: string | undefined,
  origin: string | undefined,
  host: string | undefined,
) {
  if (site !== undefined) return site === 'same-origin'
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host
}
