/** In charge of the one error that storefeed raises on purpose: a refusal, told in words a person can act on. */

/** What can be refused, and why. The HTTP status of each stands in one table, in routes/problem.ts. */
export type RefusalCode =
  | 'malformed'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'precondition_failed'
  | 'too_large'
  | 'unsupported_media_type'
  | 'invalid'
  | 'unavailable'

/** One faulty field: its dotted path as the caller wrote it (`products.3.title`), and what is wrong with it. */
export type Fault = { field: string; detail: string }

/** A request that is understood and turned down. The message is shown to the caller, so it never holds SQL or a secret. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  readonly faults: Fault[]

  constructor(code: RefusalCode, message: string, faults: Fault[] = []) {
    super(message)
    this.code = code
    this.faults = faults
  }
}
