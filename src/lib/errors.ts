/** In charge of the one error that storefeed raises on purpose: a refusal, told in words a person can act on. */

/** What can be refused, and why. The HTTP status of each stands in one table, in routes/problem.ts. */
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

/** One faulty field: its dotted path as the caller wrote it (`products.3.title`), and what is wrong with it. */
export type FieldError = { field: string; detail: string }

/** What an answer tells besides its words: what is allowed instead, and when to try again. */
export type ErrorHints = { allow?: string; retryAfterSeconds?: number }

/** A request that is understood and turned down. The message is shown to the caller, so it never holds SQL or a secret. */
export class AppError extends Error {
  override readonly name = 'Refusal'
  readonly code: ErrorCode
  readonly fieldErrors: FieldError[]
  readonly hints: ErrorHints

  constructor(
    code: ErrorCode,
    message: string,
    faults: FieldError[] = [],
    advice: ErrorHints = {},
  ) {
    super(message)
    this.code = code
    this.fieldErrors = faults
    this.hints = advice
  }
}

export function recordNotFound(noun: string, id: string): never {
  throw new AppError('not_found', `There is no ${noun} with the id "${id}".`)
}
