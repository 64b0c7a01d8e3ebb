/** What a result of Klaviyo's means: for the message, for its queue, and for another try without a rejected identifier. */
import { withoutRepeats } from '../../lib/warning.ts'
import type { QueuePause } from '../../outbox/queue.ts'
import { maxAttempts, type Outcome, retryDelayMs, withoutDetail } from '../../outbox/settle.ts'
import type { Client } from '../api/client.ts'
import type { Endpoint } from '../api/endpoints.ts'
import { notRecorded, rejectedContact, rejectedField } from '../api/request-bodies.ts'
import { type ApiError, isTooLarge, type Rejection, type SendResult } from '../api/send-result.ts'
import type { MessageBody, PreparedMessage } from './prepare-messages.ts'

/** What a batch did. With a pause, messages without an outcome stay as they are and are claimed again. */
export type DispatchResult = { outcomes: Outcome[]; pause: QueuePause | null }

/** Ends the batch, so that nothing overtakes what must be sent again; the next one may begin at once. */
export const endOfBatch: QueuePause = { ms: 0 }

/** After Klaviyo rejected the sender: its key may have been corrected. */
const blockedPauseMs = 300_000

/** Longer waits for Klaviyo's rate limits are not spent inside the transaction. */
const shortWaitMs = 500

export function isReady(client: Client, endpoint: Endpoint): boolean {
  return client.rateLimiter(endpoint).waitMs() <= shortWaitMs
}

/** Neither a 429 nor a rejected sender is the message's fault: no attempt is counted. */
export function pauseOf(answer: SendResult): QueuePause | null {
  if (answer.result === 'blocked') return { ms: blockedPauseMs, alarm: answer.reason }
  if (answer.result !== 'retry' || answer.retryAfterMs === null) return null
  return { ms: answer.retryAfterMs, reason: withoutDetail(answer.reason) }
}

export function outcomeOf(message: PreparedMessage, answer: SendResult): Outcome {
  const { id, body, warnings, attempts, amendment } = message
  const common = { id, warnings, amendment, request_id: answer.requestId }
  if (answer.result === 'accepted') {
    const omitted = (answer.omitted ?? []).flatMap((field) => notRecorded(body, field) ?? [])
    return { ...common, warnings: [...warnings, ...omitted], status: 'sent', payload: body }
  }
  const error = answer.reason
  if (answer.result === 'rejected') {
    const rejected = answer.errors.flatMap(({ pointer }) => rejectedField(body, pointer) ?? [])
    return {
      ...common,
      warnings: withoutRepeats(warnings, rejected),
      status: 'failed',
      payload: body,
      error,
    }
  }
  if (attempts + 1 >= maxAttempts) return { ...common, status: 'failed', payload: body, error }
  return { ...common, status: 'pending', error, delay_ms: retryDelayMs(attempts) }
}

function whyOmitted({ code }: ApiError): string {
  return code === 'duplicate_profile'
    ? 'in Klaviyo it belongs to another profile'
    : 'Klaviyo rejected it'
}

/** What may be sent in place of a message that Klaviyo rejected; null when there is nothing else. */
export function replacementFor(
  message: PreparedMessage,
  rejection: Rejection,
): PreparedMessage | null {
  if (!isTooLarge(rejection.status)) return withoutRejected(message, rejection)
  const smaller = message.smaller()
  return smaller && { ...message, ...smaller }
}

/** Without the identifiers that the errors are about; null when they are about none, or none is left. */
export function withoutRejected(
  message: PreparedMessage,
  { errors }: Pick<Rejection, 'errors'>,
): PreparedMessage | null {
  const rejected = new Map(errors.map((error) => [rejectedContact(error), whyOmitted(error)]))
  rejected.delete(null)
  if (rejected.size === 0) return null
  let rest: MessageBody | null = message
  for (const [contact, why] of rejected) rest = (contact && rest?.without(contact, why)) ?? null
  return rest && { ...message, ...rest }
}

/** Whether the batch should end: it has taken long, or the process is to stop. */
export type IsOver = () => boolean

const maxBatchMs = 30_000

/** A batch is one transaction, and what it has sent is settled at its end. */
export function batchEnd(signal: AbortSignal): IsOver {
  const endsAt = performance.now() + maxBatchMs
  return () => signal.aborted || performance.now() > endsAt
}
