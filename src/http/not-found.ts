/** In charge of requests that no route takes: is the address unknown, or only the method? */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { AppError } from '../lib/errors.ts'

type Route = { method: string; pattern: RegExp }

/** Answered before any routing, so the application has no route for them. */
const feeds: Route = { method: 'GET', pattern: /^\/feeds\/[^/]+$/ }

/** Of the routes hung so far. */
export function notFoundHandler(app: OpenAPIHono): (path: string) => AppError {
  const hung = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, pattern: patternOf(path) }))
  const routes = [...hung, feeds]
  return (path) => {
    const allow = allowedAt(routes, path)
    if (allow.length === 0) return new AppError('not_found', 'There is nothing at this address.')
    const message = `This address takes ${allow.join(', ')}.`
    return new AppError('method_not_allowed', message, [], { allow: allow.join(', ') })
  }
}

/** HEAD is there wherever GET is. */
function allowedAt(routes: Route[], path: string): string[] {
  const methods = routes
    .filter(({ pattern }) => pattern.test(path))
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return [...new Set(methods)].sort()
}

const patternOf = (path: string) =>
  new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`)
