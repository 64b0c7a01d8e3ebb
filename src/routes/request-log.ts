/** In charge of the line that each request leaves in the log: which route, never what stood in its path, query or headers. */
import { randomUUID } from 'node:crypto'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import type { Logger } from 'pino'

/** A caller's own id is taken over when it is a plain one, so that logs of several servers can be joined. */
const plainId = /^[\w-]{1,64}$/

export function requestLog(log: Logger) {
  return createMiddleware(async (c, next) => {
    const started = performance.now()
    const given = c.req.header('X-Request-Id') ?? ''
    const id = plainId.test(given) ? given : randomUUID()
    c.header('X-Request-Id', id)
    await next()
    const ms = Math.round(performance.now() - started)
    log.debug(
      { request: id, method: c.req.method, path: routeOf(c), status: c.res.status, ms },
      'request',
    )
  })
}

/** As the contract writes it: the id of a customer may be an e-mail, and a wrong address may be anything. */
const routeOf = (c: Context) => matchedRoutes(c).at(-1)?.path ?? null
