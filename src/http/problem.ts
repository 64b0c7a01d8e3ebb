/** Every failure as an RFC 9457 response: an AppError in its own words, any other without a word about internals. */
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import { databaseErrorToAppError } from '../db/postgres-error.ts'
import { AppError, type ErrorCode, type ErrorHints, type FieldError } from '../lib/errors.ts'
import { fieldErrors } from '../lib/validation.ts'

/** The HTTP status and title of each error code. */
export const errorTable = {
  malformed: { status: 400, title: 'Malformed request' },
  unauthorized: { status: 401, title: 'A valid key is required' },
  forbidden: { status: 403, title: 'The key lacks the required scope' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  request_timeout: { status: 408, title: 'The request timed out' },
  conflict: { status: 409, title: 'Conflict' },
  precondition_failed: { status: 412, title: 'Changed since it was read' },
  too_large: { status: 413, title: 'Too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'Unsupported content type' },
  invalid: { status: 422, title: 'Validation failed' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  headers_too_large: { status: 431, title: 'The headers are too large' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
} as const satisfies Record<ErrorCode, { status: ContentfulStatusCode; title: string }>

export const problem = z
  .strictObject({
    type: z.string().meta({ description: 'A URN that identifies the type of problem' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(z.strictObject({ field: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: 'The invalid fields by their dotted paths, the first 100 of them' }),
  })
  .meta({ id: 'Problem' })

export type RenderedProblem = {
  status: ContentfulStatusCode
  headers: Record<string, string>
  body: string
}

/** Failures with a status from 500 on belong in the log, with their cause. */
export function renderProblem(error: unknown): RenderedProblem {
  const known = toAppError(error)
  if (known) return render(known.code, errorTable[known.code], known)
  const internal = { status: 500, title: 'Internal server error' } as const
  const message = 'Nothing was changed. See the log of the server.'
  return render('internal_error', internal, { message })
}

/** For Hono's `onError`. */
export function respondWithProblem(error: unknown, c: Context): Response {
  const { status, headers, body } = renderProblem(error)
  return c.body(body, status, headers)
}

/** For what Node accepts as a request and Hono does not, such as one with an invalid Host. */
export function respondToMalformedRequest(): Response {
  const malformed = new AppError('malformed', 'The URL or the Host header is invalid.')
  const { status, headers, body } = renderProblem(malformed)
  return new Response(body, { status, headers })
}

const headersByCode: Partial<Record<string, Record<string, string>>> = {
  unauthorized: {
    'WWW-Authenticate': 'Bearer realm="storefeed", Basic realm="storefeed feeds", charset="UTF-8"',
  },
  unavailable: { 'Retry-After': '5' },
}

type ProblemContent = { message: string; fieldErrors?: FieldError[]; hints?: ErrorHints }

function render(
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

function toAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error
  if (error instanceof z.ZodError) return validationError(error.issues)
  if (error instanceof HTTPException) return errorByStatus[error.status]
  return databaseErrorToAppError(error)
}

/** For what Hono's own validators and limits throw. */
const errorByStatus: Record<number, AppError> = {
  400: new AppError('malformed', 'The body is not valid JSON.'),
  413: new AppError('too_large', 'The body may hold at most 10 MB.'),
  415: new AppError(
    'unsupported_media_type',
    'The body must be JSON, sent as Content-Type: application/json.',
  ),
}

/** Names every invalid field. */
export function validationError(issues: readonly z.core.$ZodIssue[]): AppError {
  const errors = fieldErrors(issues)
  const named = [...new Set(errors.map(({ field }) => field))].filter(Boolean).slice(0, 10)
  return new AppError(
    'invalid',
    named.length > 0 ? `Invalid fields: ${named.join(', ')}.` : 'The body has the wrong type.',
    errors,
  )
}
