/** What an answer of Klaviyo's means for the message that was sent. */
import { z } from 'zod'
import { mask } from '../../lib/mask.ts'
import { maxPauseMs } from '../../outbox/queue.ts'

/** `pointer` is the JSON pointer to what the error is about; `code` is Klaviyo's, such as `duplicate_profile`. */
export type ApiError = { pointer: string | undefined; detail: string; code?: string | undefined }

/** Answers of Klaviyo's own as they came; the text is cut. */
export type Answer = { status: number; headers: Headers; text: string }

export type SendResult = {
  /** Klaviyo's id of the request, by which its support finds it. */
  requestId: string | null
} /** `omitted`: the fields that Klaviyo recorded the rest without. */ & (
  | { result: 'accepted'; omitted?: string[] }
  /** Only a 429 has `retryAfterMs`: nobody sends before that. */
  | { result: 'retry'; reason: string; retryAfterMs: number | null }
  | { result: 'rejected'; status: number; reason: string; errors: ApiError[] }
  /** Klaviyo rejects the sender, not the message: a wrong key, or a retired API. */
  | { result: 'blocked'; reason: string }
)

export type Rejection = Extract<SendResult, { result: 'rejected' }>

/** A proxy too may say so. */
export const isTooLarge = (status: number) => status === 413

/** Any other status is a retry. */
const resultByStatus: Record<number, SendResult['result']> = {
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

/** Null unless it is what the endpoint answers to a request that it accepted. */
export type ReadSuccess = (answer: Answer, requestId: string | null) => SendResult | null

export function readResult(answer: Answer, readSuccess: ReadSuccess): SendResult {
  const { status, headers, text } = answer
  const requestId = storable(headers.get('x-klaviyo-req-id') ?? '').slice(0, 200) || null
  const success = readSuccess(answer, requestId)
  if (success) return success
  const result = resultByStatus[status] ?? 'retry'
  const errors = readErrors(text)
  const reason = describe(status, errors)
  // The reason becomes an alarm, which is logged and shown to everybody at /readyz.
  if (result === 'blocked') return { result, reason: mask(reason), requestId }
  // A proxy answers in HTML. Only Klaviyo itself may reject a message.
  if (result === 'rejected' && (errors || isTooLarge(status)))
    return { result, status, reason, errors: errors ?? [], requestId }
  const retryAfterMs = status === 429 ? readRetryAfter(headers) : null
  return { result: 'retry', reason, retryAfterMs, requestId }
}

function describe(status: number, errors: ApiError[] | null): string {
  if (errors) return cut(`${status} ${errors.map(({ detail }) => detail).join('; ')}`)
  return status < 300
    ? `${status} without what Klaviyo answers when it accepts; is there a proxy or a login page in between?`
    : `${status} without an error in Klaviyo’s format`
}

const maxReasonLength = 2_000
const cut = (text: string) => text.slice(0, maxReasonLength).replace(/[\ud800-\udbff]$/, '')

/** Without what Postgres stores in no text: NUL and halves of surrogate pairs. */
const storable = (text: string) => text.replace(/[\0\p{Cs}]/gu, '\ufffd')

const storableText = z.string().transform((text) => cut(storable(text)))

const errorBody = z.object({
  errors: z
    .array(
      z.object({
        code: z.string().optional(),
        detail: storableText,
        source: z.object({ pointer: storableText.optional() }).nullish(),
      }),
    )
    .min(1),
})

function readErrors(text: string): ApiError[] | null {
  const parsed = errorBody.safeParse(parseJson(text))
  if (!parsed.success) return null
  return parsed.data.errors.map(({ detail, code, source }) => ({
    detail,
    code,
    pointer: source?.pointer,
  }))
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const defaultRetryAfterMs = 10_000
const minRetryAfterMs = 1_000

/** RFC 9110: seconds or a date, which is compared with the clock of whoever wrote it. */
function readRetryAfter(headers: Headers): number {
  const value = headers.get('retry-after')?.trim() ?? ''
  const sentAt = Date.parse(headers.get('date') ?? '')
  const ms = /^\d+(\.\d+)?$/.test(value)
    ? Number(value) * 1_000
    : Date.parse(value) - (Number.isNaN(sentAt) ? Date.now() : sentAt)
  if (Number.isNaN(ms)) return defaultRetryAfterMs
  return Math.min(maxPauseMs, Math.max(minRetryAfterMs, ms))
}
