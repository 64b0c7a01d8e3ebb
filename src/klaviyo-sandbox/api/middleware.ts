/** What an API request passes before its endpoint: counters, faults, key, headers, rate limits. */
import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { injectFaults } from '../faults/fault-injection.ts'
import type { SandboxState, Scope } from '../state.ts'
import { errorResponse, type SandboxEnv, throttle } from './errors.ts'
import { type Endpoint, takeRequest } from './limits.ts'

const KEPT_ERRORS = 200

type Middleware = MiddlewareHandler<SandboxEnv>

/** Lets a client see that it is not talking to Klaviyo. */
export const markResponses: Middleware = async (c, next) => {
  await next()
  c.res.headers.set('X-Storefeed-Sandbox', 'true')
}

export function countRequests(state: SandboxState): Middleware {
  return async (c, next) => {
    state.account.counts.received += 1
    await next()
    const { counts, errors } = state.account
    c.res.headers.set('X-Klaviyo-Req-Id', randomUUID())
    const retirement = state.settings.retirement_date
    if (retirement) c.res.headers.set('X-Klaviyo-Api-Retirement-Date', retirement)
    if (c.res.status >= 500) return
    const error = c.get('error')
    if (!error) counts.accepted += 1
    else if (error.status === 429) counts.throttled += 1
    else {
      counts.rejected += 1
      errors.push(error)
      if (errors.length > KEPT_ERRORS) errors.shift()
    }
  }
}

/** For POST requests with a JSON body. */
export function writeMiddleware(
  state: SandboxState,
  endpoint: Endpoint,
  scope: Scope,
): [Middleware, Middleware, Middleware, Middleware] {
  return [
    injectFaults(state, endpoint),
    requireKey(state, scope),
    requireMediaType,
    limitRate(state, endpoint),
  ]
}

export function requireKey(state: SandboxState, scope: Scope): Middleware {
  return async (c, next) => {
    const { key, scopes } = state.settings
    const given = /^Klaviyo-API-Key (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1]
    if (!given) {
      const detail = 'Missing or invalid private key.'
      return errorResponse(c, 'not_authenticated', [{ detail, pointer: '/data/' }])
    }
    if (key && key !== given) {
      const detail = 'Incorrect authentication credentials.'
      return errorResponse(c, 'authentication_failed', [{ detail, pointer: '/data/' }])
    }
    if (!scopes.includes(scope)) {
      const detail = `The API key is missing required scopes: ${scope}`
      return errorResponse(c, 'permission_denied', [{ detail, pointer: '/data/' }])
    }
    if (!/^\d{4}-\d\d-\d\d(\.\w+)?$/.test(c.req.header('revision') ?? '')) {
      const detail = 'A revision header of the form YYYY-MM-DD is required.'
      return errorResponse(c, 'invalid', [{ detail, pointer: '/data/' }])
    }
    return next()
  }
}

/** Klaviyo documents JSON:API's media type; its own SDKs send application/json. */
const requireMediaType: Middleware = async (c, next) => {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/vnd.api+json' || type === 'application/json') return next()
  const detail = 'The content-type must be application/vnd.api+json or application/json.'
  return errorResponse(c, 'unsupported_media_type', [{ detail, pointer: '/data' }])
}

function limitRate(state: SandboxState, endpoint: Endpoint): Middleware {
  return async (c, next) => {
    const { counts, windows } = state.account
    const now = Date.now()
    const { closedUntil } = windows[endpoint]
    if (now < closedUntil) {
      counts.early += 1
      return throttle(c, Math.ceil((closedUntil - now) / 1_000))
    }
    if (!state.settings.limits) return next()
    const decision = takeRequest(windows, endpoint, now)
    if (!decision.allowed) return throttle(c, decision.retryAfterSeconds)
    c.header('RateLimit-Limit', String(decision.limit))
    c.header('RateLimit-Remaining', String(decision.remaining))
    c.header('RateLimit-Reset', String(decision.resetSeconds))
    return next()
  }
}
