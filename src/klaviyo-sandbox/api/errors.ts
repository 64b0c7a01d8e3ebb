/** Errors as Klaviyo answers them, in JSON:API; each is also recorded for the page and /sandbox/errors. */
import { randomUUID } from 'node:crypto'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

const ERRORS = {
  invalid: { status: 400, title: 'Invalid input.' },
  not_authenticated: { status: 401, title: 'Authentication credentials were not provided.' },
  authentication_failed: { status: 401, title: 'Incorrect authentication credentials.' },
  permission_denied: {
    status: 403,
    title: 'You do not have permission to perform this action.',
  },
  not_found: { status: 404, title: 'Not found.' },
  duplicate_profile: { status: 409, title: 'Conflict.' },
  gone: { status: 410, title: 'Gone.' },
  payload_too_large: { status: 413, title: 'Payload too large.' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type.' },
  throttled: { status: 429, title: 'Request was throttled.' },
  service_unavailable: { status: 503, title: 'Service unavailable.' },
} as const

export type ErrorCode = keyof typeof ERRORS

/** `pointer` is a JSON pointer into the request body. */
export type ErrorDetail = { detail: string; pointer: string; meta?: Record<string, string> }

export type ErrorRecord = {
  at: Date
  method: string
  path: string
  status: number
  details: ErrorDetail[]
}

export type SandboxEnv = {
  Bindings: Partial<HttpBindings>
  Variables: { error?: ErrorRecord }
}

export function errorResponse(
  c: Context<SandboxEnv>,
  code: ErrorCode,
  details: ErrorDetail[],
): Response {
  const { status, title } = ERRORS[code]
  recordError(c, status, details)
  const errors = details.map(({ detail, pointer, meta = {} }) => ({
    id: randomUUID(),
    status,
    code,
    title,
    detail,
    source: { pointer },
    links: {},
    meta,
  }))
  return c.body(JSON.stringify({ errors }), status, { 'content-type': 'application/vnd.api+json' })
}

/** A 429 has Retry-After in place of the RateLimit headers. */
export function throttle(c: Context<SandboxEnv>, retryAfterSeconds: number): Response {
  c.header('Retry-After', String(retryAfterSeconds))
  const detail = `Request was throttled. Expected available in ${retryAfterSeconds} seconds.`
  return errorResponse(c, 'throttled', [{ detail, pointer: '/data/' }])
}

/** Track rejects with a bare `0`, so the record is the only place that says why. */
export function recordError(c: Context<SandboxEnv>, status: number, details: ErrorDetail[]): void {
  const { method, path } = c.req
  c.set('error', { at: new Date(), method, path, status, details })
}
