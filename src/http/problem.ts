/** In charge of turning every failure into one RFC 9457 answer: a refusal in its own words, anything else without a word of its inside. */
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import { databaseErrorToAppError } from '../db/postgres-error.ts'
import { AppError, type ErrorCode, type ErrorHints, type FieldError } from '../lib/errors.ts'
import { fieldErrors } from '../lib/validation.ts'

/** The one table from what was refused to its HTTP status and title. */
export const errorTable = {
  malformed: { status: 400, title: 'The request cannot be read' },
  unauthorized: { status: 401, title: 'A valid key is needed' },
  forbidden: { status: 403, title: 'The key does not allow this' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Not a method of this address' },
  request_timeout: { status: 408, title: 'The request came too slowly' },
  conflict: { status: 409, title: 'Conflict' },
  precondition_failed: { status: 412, title: 'Changed since it was read' },
  too_large: { status: 413, title: 'Too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'Unsupported content type' },
  invalid: { status: 422, title: 'Some fields need mending' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  unavailable: { status: 503, title: 'Not available at the moment' },
} as const satisfies Record<ErrorCode, { status: ContentfulStatusCode; title: string }>

export const problem = z
  .strictObject({
    type: z.string().meta({ description: 'A URN that names the kind of problem' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(z.strictObject({ field: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: 'Every faulty field, by its dotted path' }),
  })
  .meta({ id: 'Problem' })

export type RenderedProblem = {
  status: ContentfulStatusCode
  headers: Record<string, string>
  body: string
}

/** Of any failure. One with a status from 500 on belongs into the log, with its cause. */
export function renderProblem(error: unknown): RenderedProblem {
  const refusal = asRefusal(error)
  if (refusal) return rendered(refusal.code, errorTable[refusal.code], refusal)
  const failed = { status: 500, title: 'The server failed' } as const
  const message = 'Nothing was changed. The log of the server says more.'
  return rendered('internal_error', failed, { message })
}

/** The same, for a handler of Hono's. */
export function respondWithProblem(error: unknown, c: Context): Response {
  const { status, headers, body } = renderProblem(error)
  return c.body(body, status, headers)
}

/** For what node took for a request and Hono does not, such as one with a faulty Host. */
export function respondToMalformedRequest(): Response {
  const refusal = new AppError('malformed', 'The URL or the Host header is not to be understood.')
  const { status, headers, body } = renderProblem(refusal)
  return new Response(body, { status, headers })
}

/** What an answer of this kind tells besides its body. */
const headersByCode: Partial<Record<string, Record<string, string>>> = {
  unauthorized: {
    'WWW-Authenticate': 'Bearer realm="storefeed", Basic realm="storefeed feeds", charset="UTF-8"',
  },
  unavailable: { 'Retry-After': '5' },
}

type ProblemContent = { message: string; fieldErrors?: FieldError[]; hints?: ErrorHints }

function rendered(
  code: string,
  { status, title }: { status: ContentfulStatusCode; title: string },
  { message: detail, fieldErrors = [], hints = {} }: ProblemContent,
): RenderedProblem {
  const type = `urn:storefeed:${code.replaceAll('_', '-')}`
  const errors = fieldErrors.length > 0 ? { errors: fieldErrors } : {}
  return {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      ...headersByCode[code],
      ...headersOf(hints),
    },
    body: JSON.stringify({ type, title, status, detail, ...errors }),
  }
}

const headersOf = ({ allow, retryAfterSeconds }: ErrorHints): Record<string, string> => ({
  ...(allow === undefined ? {} : { Allow: allow }),
  ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
})

function asRefusal(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error
  if (error instanceof z.ZodError) return validationError(error.issues)
  if (error instanceof HTTPException) return refusalByStatus[error.status]
  return databaseErrorToAppError(error)
}

/** What Hono's own validators and limits throw. */
const refusalByStatus: Record<number, AppError> = {
  400: new AppError('malformed', 'The body is not valid JSON.'),
  413: new AppError('too_large', 'The body may hold at most 10 MB.'),
  415: new AppError(
    'unsupported_media_type',
    'The body must be JSON, sent as Content-Type: application/json.',
  ),
}

/** Names every faulty field. */
export function validationError(issues: readonly z.core.$ZodIssue[]): AppError {
  const errors = fieldErrors(issues)
  const named = [...new Set(errors.map(({ field }) => field))].filter(Boolean).slice(0, 10)
  return new AppError(
    'invalid',
    named.length > 0 ? `Look at: ${named.join(', ')}.` : 'The body is not what is wanted here.',
    errors,
  )
}
