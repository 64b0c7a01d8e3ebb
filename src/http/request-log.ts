/** In charge of the line that each request leaves in the log: never its query, where a key may stand, an id in its path, nor its headers. */
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import type { Logger } from 'pino'
import { type RequestContext, requestContext } from './request-context.ts'

type RecordRequest = (method: string, route: string, status: number, seconds: number) => void

export function requestLog(log: Logger, record: RecordRequest) {
  return createMiddleware(async (c, next) => {
    const started = performance.now()
    const names = requestContext(c.req.header('X-Request-Id'), c.req.header('traceparent'))
    for (const [name, value] of Object.entries(names.headers)) c.header(name, value)
    await next()
    const ms = performance.now() - started
    const { method } = c.req
    const { status } = c.res
    const path = routeOf(c)
    record(method, path, status, ms / 1000)
    logResponse(log, { ...names.log, method, path, status, ms: Math.round(ms) }, c.error)
  })
}

type Line = RequestContext['log'] & {
  method: string | undefined
  path: string
  status: number
  ms: number
}

/** With the cause where the server could not do what was asked. */
export function logResponse(log: Logger, line: Line, error: unknown): void {
  if (line.status === 500) log.error({ ...line, err: error }, 'a request failed')
  else if (line.status > 500) log.warn({ ...line, err: error }, 'a request could not be served')
  else log.debug(line, 'request')
}

/** As the OpenAPI document writes it, never with an id in it; what no route takes matches the middleware only. */
function routeOf(c: Context): string {
  const path = routePath(c, -1)
  return path.endsWith('*') ? 'none' : path.replaceAll(/:(\w+)/g, '{$1}')
}
