/** Sends many events by Klaviyo's bulk endpoint, where one bad event fails the whole request. */
import type { Client } from '../api/client.ts'
import { endpoints } from '../api/endpoints.ts'
import { limits } from '../api/limits.ts'
import { bulkBody, bulkIndex } from '../api/request-bodies.ts'
import type { ApiError, Rejection } from '../api/send-result.ts'
import {
  type DispatchResult,
  endOfBatch,
  isReady,
  outcomeOf,
  pauseOf,
  withoutRejected,
} from './outcomes.ts'
import type { PreparedMessage } from './prepare-messages.ts'

/** For the envelope around the entries. */
const envelopeBytes = 1_000

/** Request after request, so that each order keeps its order; ends at the first pause. */
export async function sendInBulk(
  client: Client,
  messages: readonly PreparedMessage[],
): Promise<DispatchResult> {
  const result: DispatchResult = { outcomes: [], pause: null }
  let sent = 0
  while (sent < messages.length && !result.pause) {
    const request = messages.slice(sent, sent + countFitting(messages, sent))
    sent += request.length
    if (isReady(client, endpoints.bulk)) await sendRequest(client, request, result)
    else result.pause = endOfBatch
  }
  return result
}

/** As many as one request takes. No unique_id of a metric appears in it twice: the outbox holds each once. */
function countFitting(messages: readonly PreparedMessage[], from: number): number {
  let count = 0
  let bytes = envelopeBytes
  for (const { body } of messages.slice(from, from + limits.bulkEvents)) {
    bytes += Buffer.byteLength(body) + 1
    if (bytes > limits.requestBytes) break
    count++
  }
  return Math.max(1, count)
}

/**
 * Adds to the result of the batch. Waits for the rate limit however long it takes: what a rejection said about
 * the other messages would be lost with the batch.
 */
async function sendRequest(
  client: Client,
  messages: readonly PreparedMessage[],
  result: DispatchResult,
): Promise<void> {
  if (messages.length === 0 || result.pause) return
  const answer = await client.post(endpoints.bulk, bulkBody(messages.map(({ body }) => body)))
  result.pause = pauseOf(answer)
  if (result.pause) return
  if (answer.result === 'rejected') {
    await sendWithoutBad(client, messages, answer, result)
    return
  }
  for (const message of messages) result.outcomes.push(outcomeOf(message, answer))
  if (answer.result === 'retry') result.pause = endOfBatch
}

/**
 * A message that Klaviyo's errors point at loses its rejected identifier, or fails; the others are sent again at
 * once. When no error points at a message, the request is sent in halves.
 */
async function sendWithoutBad(
  client: Client,
  messages: readonly PreparedMessage[],
  rejection: Rejection,
  result: DispatchResult,
): Promise<void> {
  const errorsByIndex = groupErrors(messages, rejection)
  if (errorsByIndex.size === 0) {
    const middle = Math.ceil(messages.length / 2)
    await sendRequest(client, messages.slice(0, middle), result)
    await sendRequest(client, messages.slice(middle), result)
    return
  }
  const again: PreparedMessage[] = []
  messages.forEach((message, index) => {
    const errors = errorsByIndex.get(index)
    const rest = errors ? withoutRejected(message, errors) : message
    const reason = errors?.map(({ detail }) => detail).join('; ') || rejection.reason
    if (rest) again.push(rest)
    else result.outcomes.push(outcomeOf(message, { ...rejection, reason }))
  })
  await sendRequest(client, again, result)
}

/** All errors are about the message when it is the only one. */
function groupErrors(
  messages: readonly PreparedMessage[],
  { errors }: Rejection,
): Map<number, ApiError[]> {
  if (messages.length === 1) return new Map([[0, errors]])
  const groups = new Map<number, ApiError[]>()
  for (const error of errors) {
    const index = bulkIndex(error.pointer)
    if (index === null || index >= messages.length) continue
    groups.set(index, [...(groups.get(index) ?? []), error])
  }
  return groups
}
