import type { OpenAPIHono } from '@hono/zod-openapi'
import { AppError } from '../lib/errors.ts'

type Route = { method: string; pattern: RegExp }

/** Served before any routing, so the application has no route for them. */
const feeds: Route = { method: 'GET', pattern: /^\/feeds\/[^/]+$/ }

/** 404 for a path that no route registered so far has, 405 with `Allow` for another method. */
export function notFoundHandler(app: OpenAPIHono): (path: string) => AppError {
  const registered = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, pattern: patternOf(path) }))
  const routes = [...registered, feeds]
  return (path) => {
    const allow = allowedAt(routes, path)
    if (allow.length === 0) return new AppError('not_found', 'There is nothing at this path.')
    const message = `This path allows ${allow.join(', ')}.`
    return new AppError('method_not_allowed', message, [], { allow: allow.join(', ') })
  }
}

/** HEAD is allowed wherever GET is. */
function allowedAt(routes: Route[], path: string): string[] {
  const methods = routes
    .filter(({ pattern }) => pattern.test(path))
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return [...new Set(methods)].sort()
}

const patternOf = (path: string) =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`)
