/** In charge of the line that each request leaves in the log: never its query, where a key may stand, nor its headers. */
import { randomUUID } from 'node:crypto'
import { createMiddleware } from 'hono/factory'
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
      { request: id, method: c.req.method, path: c.req.path, status: c.res.status, ms },
      'request',
    )
  })
}
