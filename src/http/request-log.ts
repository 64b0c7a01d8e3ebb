/** One log line per request, without its query, which may hold a key, ids in its path, and its headers. */
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import type { Logger } from 'pino'
import { type RequestContext, requestContext } from './request-context.ts'

type RecordRequest = (method: string, route: string, status: number, seconds: number) => void

export function requestLog(log: Logger, record: RecordRequest) {
  return createMiddleware(async (c, next) => {
    const started = performance.now()
    const context = requestContext(c.req.header('X-Request-Id'), c.req.header('traceparent'))
    for (const [name, value] of context.headers) c.header(name, value)
    await next()
    const ms = performance.now() - started
    const { method } = c.req
    const { status } = c.res
    const path = routeOf(c)
    record(method, path, status, ms / 1000)
    logResponse(log, { ...context.log, method, path, status, ms: Math.round(ms) }, c.error)
  })
}

type Line = RequestContext['log'] & {
  method: string | undefined
  path: string
  status: number
  ms: number
}

/** With the cause when the server failed. */
export function logResponse(log: Logger, line: Line, error: unknown): void {
  if (line.status === 500) log.error({ ...line, err: error }, 'a request failed')
  else if (line.status > 500) log.warn({ ...line, err: error }, 'a request could not be served')
  else log.debug(line, 'request')
}

/** As in the OpenAPI document, without ids; requests without a route match only the middleware. */
function routeOf(c: Context): string {
  const path = routePath(c, -1)
  return path.endsWith('*') ? 'none' : path.replaceAll(/:(\w+)/g, '{$1}')
}
