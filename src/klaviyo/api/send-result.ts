/** What an answer of Klaviyo's means for the message that was sent. */
import { z } from 'zod'
import { mask } from '../../lib/mask.ts'

/** `pointer` is the JSON pointer to what the error is about; `code` is Klaviyo's, such as `duplicate_profile`. */
export type ApiError = { pointer: string | undefined; detail: string; code?: string | undefined }

export type SendResult = {
  /** Klaviyo's id of the request, by which its support finds it. */
  requestId: string | null
} /** `omitted`: the fields that Klaviyo recorded the rest without. */ & (
  | { result: 'accepted'; omitted?: string[] }
  /** Only a 429 has `retryAfterMs`: nobody sends before that. */
  | { result: 'retry'; reason: string; retryAfterMs: number | null }
  | { result: 'rejected'; reason: string; errors: ApiError[] }
  /** Klaviyo rejects the sender, not the message: a wrong key, or a retired API. */
  | { result: 'blocked'; reason: string }
)

export type Rejection = Extract<SendResult, { result: 'rejected' }>

/** Any other status is a retry. */
const resultByStatus: Record<number, SendResult['result']> = {
  200: 'accepted',
  201: 'accepted',
  202: 'accepted',
  400: 'rejected',
  401: 'blocked',
  403: 'blocked',
  408: 'retry',
  409: 'rejected',
  410: 'blocked',
  413: 'rejected',
  422: 'rejected',
  425: 'retry',
  429: 'retry',
}

export function readResult({ status, headers }: Response, text: string): SendResult {
  const requestId = headers.get('x-klaviyo-req-id')
  const result = resultByStatus[status] ?? 'retry'
  if (result === 'accepted') {
    const omitted = headers.get('x-klaviyo-partial-failure')?.split(/[\s,]+/) ?? []
    return { result, requestId, ...(omitted.length > 0 && { omitted: omitted.slice(0, 10) }) }
  }
  const errors = readErrors(text)
  const reason = `${status} ${errors?.map(({ detail }) => detail).join('; ') ?? 'without an error in Klaviyo’s format'}`
  // The reason becomes an alarm, which is logged and shown to everybody at /readyz.
  if (result === 'blocked') return { result, reason: mask(reason), requestId }
  // A proxy answers in HTML. Only Klaviyo itself may reject a message.
  if (result === 'rejected' && (errors || status === 413))
    return { result, reason, errors: errors ?? [], requestId }
  const retryAfterMs = status === 429 ? readRetryAfter(headers.get('retry-after')) : null
  return { result: 'retry', reason, retryAfterMs, requestId }
}

const errorBody = z.object({
  errors: z
    .array(
      z.object({
        detail: z.string(),
        code: z.string().optional(),
        source: z.object({ pointer: z.string().optional() }).nullish(),
      }),
    )
    .min(1),
})

function readErrors(text: string): ApiError[] | null {
  try {
    const { errors } = errorBody.parse(JSON.parse(text))
    return errors.map(({ detail, code, source }) => ({ detail, code, pointer: source?.pointer }))
  } catch {
    return null
  }
}

const defaultRetryAfterMs = 10_000

/** RFC 9110: seconds or a date. */
function readRetryAfter(header: string | null): number {
  if (!header) return defaultRetryAfterMs
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : defaultRetryAfterMs
}
