/** Sends many events by Klaviyo's bulk endpoint, where one bad event fails the whole request. */
import type { Client } from '../api/client.ts'
import { endpoints } from '../api/endpoints.ts'
import { limits } from '../api/limits.ts'
import { bulkBody, bulkIndex } from '../api/request-bodies.ts'
import { type ApiError, isTooLarge, type Rejection, type SendResult } from '../api/send-result.ts'
import {
  type DispatchResult,
  endOfBatch,
  type IsOver,
  isReady,
  outcomeOf,
  pauseOf,
  withoutRejected,
} from './outcomes.ts'
import type { PreparedMessage } from './prepare-messages.ts'

/** For the envelope around the entries. */
const envelopeBytes = 1_000

/** `refused` are ids of messages that only single requests can sort out. */
export type BulkResult = DispatchResult & { refused: ReadonlySet<number> }

/** How often a request is sent without what Klaviyo points at, if it then points at something else. */
const maxTries = 3

/** Request after request, so that each order keeps its order; ends at the first pause, and at what is refused. */
export async function sendInBulk(
  client: Client,
  messages: readonly PreparedMessage[],
  isOver: IsOver,
): Promise<BulkResult> {
  const outcomes: DispatchResult['outcomes'] = []
  let sent = 0
  while (sent < messages.length) {
    const request = messages.slice(sent, sent + countFitting(messages, sent))
    sent += request.length
    if (isOver() || !isReady(client, endpoints.bulk))
      return { outcomes, pause: endOfBatch, refused: new Set() }
    const result = await sendRequest(client, request)
    outcomes.push(...result.outcomes)
    if (result.pause || result.refused.size > 0) return { ...result, outcomes }
  }
  return { outcomes, pause: null, refused: new Set() }
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
 * A message that Klaviyo's errors point at loses its rejected identifier, or fails; the others are sent again at
 * once. When no error points at a message, all are refused: halving the request again and again would take as
 * many requests as messages, at a far lower rate limit.
 */
async function sendRequest(
  client: Client,
  messages: readonly PreparedMessage[],
  tries = 1,
): Promise<BulkResult> {
  if (messages.length === 0) return { outcomes: [], pause: null, refused: new Set() }
  const answer = await client.post(endpoints.bulk, bulkBody(messages.map(({ body }) => body)))
  if (answer.result !== 'rejected') return settled(messages, answer)
  const errorsByIndex = groupErrors(messages, answer)
  const { rest, outcomes } = sortOut(messages, errorsByIndex, answer)
  const mayTryAgain = tries < maxTries && isReady(client, endpoints.bulk)
  if (errorsByIndex.size === 0 || !mayTryAgain)
    return { outcomes, pause: null, refused: new Set(rest.map(({ id }) => id)) }
  const again = await sendRequest(client, rest, tries + 1)
  return { ...again, outcomes: [...outcomes, ...again.outcomes] }
}

function settled(messages: readonly PreparedMessage[], answer: SendResult): BulkResult {
  const pause = pauseOf(answer)
  const outcomes = pause ? [] : messages.map((message) => outcomeOf(message, answer))
  const end = answer.result === 'retry' ? endOfBatch : null
  return { outcomes, pause: pause ?? end, refused: new Set() }
}

function sortOut(
  messages: readonly PreparedMessage[],
  errorsByIndex: Map<number, ApiError[]>,
  rejection: Rejection,
): { rest: PreparedMessage[]; outcomes: DispatchResult['outcomes'] } {
  const rest: PreparedMessage[] = []
  const outcomes: DispatchResult['outcomes'] = []
  messages.forEach((message, index) => {
    const errors = errorsByIndex.get(index)
    const again = errors ? withoutRejected(message, { errors }) : message
    const details = errors?.map(({ detail }) => detail).join('; ')
    const reason = details ? `${rejection.status} ${details}` : rejection.reason
    if (again) rest.push(again)
    else outcomes.push(outcomeOf(message, { ...rejection, reason, errors: errors ?? [] }))
  })
  return { rest, outcomes }
}

/** All errors are about the message when it is the only one. What is too large can be made smaller only by itself. */
function groupErrors(
  messages: readonly PreparedMessage[],
  { errors, status }: Rejection,
): Map<number, ApiError[]> {
  if (isTooLarge(status)) return new Map()
  if (messages.length === 1) return new Map([[0, errors]])
  const groups = new Map<number, ApiError[]>()
  for (const error of errors) {
    const index = bulkIndex(error.pointer)
    if (index === null || index >= messages.length) continue
    groups.set(index, [...(groups.get(index) ?? []), error])
  }
  return groups
}
