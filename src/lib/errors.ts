/** Each maps to one HTTP status, in the table of http/problem.ts. */
export type ErrorCode =
  | 'malformed'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'conflict'
  | 'precondition_failed'
  | 'too_large'
  | 'uri_too_long'
  | 'unsupported_media_type'
  | 'invalid'
  | 'too_many_requests'
  | 'headers_too_large'
  | 'unavailable'

/** An invalid field: its dotted path as the caller wrote it (`products.3.title`), and what is wrong with it. */
export type FieldError = { field: string; detail: string }

/** More help nobody, and would make answers larger than requests. */
export const maxFieldErrors = 100

/** Become the response headers Allow and Retry-After. */
export type ErrorHints = { allow?: string; retryAfterSeconds?: number }

/** An error raised on purpose. Its message is shown to the caller: it says what to do, and never holds SQL or a secret. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly fieldErrors: FieldError[]
  readonly hints: ErrorHints

  constructor(
    code: ErrorCode,
    message: string,
    fieldErrors: FieldError[] = [],
    hints: ErrorHints = {},
  ) {
    super(message)
    this.code = code
    this.fieldErrors = fieldErrors.slice(0, maxFieldErrors)
    this.hints = hints
  }
}

export const notFound = (name: string, id: string) =>
  new AppError('not_found', `There is no ${name} with the id "${id}".`)

export function recordNotFound(name: string, id: string): never {
  throw notFound(name, id)
}
