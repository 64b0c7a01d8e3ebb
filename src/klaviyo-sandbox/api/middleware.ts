/** In charge of what every API request passes before its endpoint: the mark, the count, the key, the headers, the limits. */
import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import { faultInjection } from '../faults/fault-injection.ts'
import type { Scope } from '../settings.ts'
import type { SandboxState } from '../state.ts'
import { errorResponse, type SandboxEnv, throttle } from './errors.ts'
import type { Endpoint } from './limits.ts'
import { takeRequest } from './rate-limits.ts'

const KEPT_REFUSALS = 200

type Gate = MiddlewareHandler<SandboxEnv>

/** By this header a client knows that it does not speak with Klaviyo. */
export const markAnswers: Gate = async (c, next) => {
  await next()
  c.res.headers.set('X-Storefeed-Sandbox', 'true')
}

export function countRequests(state: SandboxState): Gate {
  return async (c, next) => {
    state.account.counts.received += 1
    await next()
    const { counts, refusals } = state.account
    c.res.headers.set('X-Klaviyo-Req-Id', randomUUID())
    const retirement = state.settings.retirement_date
    if (retirement) c.res.headers.set('X-Klaviyo-Api-Retirement-Date', retirement)
    if (c.res.status >= 500) return
    const refusal = c.get('refusal')
    if (!refusal) counts.accepted += 1
    else if (refusal.status === 429) counts.throttled += 1
    else {
      counts.refused += 1
      refusals.push(refusal)
      if (refusals.length > KEPT_REFUSALS) refusals.shift()
    }
  }
}

/** What a POST of JSON:API passes. */
export function writeGates(
  state: SandboxState,
  endpoint: Endpoint,
  scope: Scope,
): [Gate, Gate, Gate, Gate] {
  return [
    faultInjection(state, endpoint),
    requireKey(state, scope),
    requireMediaType,
    limitRate(state, endpoint),
  ]
}

export function requireKey(state: SandboxState, scope: Scope): Gate {
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

const requireMediaType: Gate = async (c, next) => {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/vnd.api+json') return next()
  const detail = 'The content-type must be application/vnd.api+json.'
  return errorResponse(c, 'unsupported_media_type', [{ detail, pointer: '/data' }])
}

function limitRate(state: SandboxState, endpoint: Endpoint): Gate {
  return async (c, next) => {
    const { counts, windows } = state.account
    const now = Date.now()
    const { closedUntil } = windows[endpoint]
    if (now < closedUntil) {
      counts.early += 1
      return throttle(c, Math.ceil((closedUntil - now) / 1_000))
    }
    if (!state.settings.limits) return next()
    const verdict = takeRequest(windows, endpoint, now)
    if (!verdict.allowed) return throttle(c, verdict.retryAfterSeconds)
    c.header('RateLimit-Limit', String(verdict.limit))
    c.header('RateLimit-Remaining', String(verdict.remaining))
    c.header('RateLimit-Reset', String(verdict.resetSeconds))
    return next()
  }
}
