import { groupBy } from '../../lib/group-by.ts'
import type { Client } from '../api/client.ts'
import type { Endpoint } from '../api/endpoints.ts'
import type { SendResult } from '../api/send-result.ts'
import {
  type DispatchResult,
  endOfBatch,
  type IsOver,
  isReady,
  outcomeOf,
  pauseOf,
  replacementFor,
} from './outcomes.ts'
import type { PreparedMessage } from './prepare-messages.ts'

const groupsAtOnce = 16

/** One by one within an order, several orders at once. */
export async function sendSingly(
  client: Client,
  endpoint: Endpoint,
  messages: readonly PreparedMessage[],
  isOver: IsOver,
): Promise<DispatchResult> {
  const result: DispatchResult = { outcomes: [], pause: null }
  const groups = groupBy(messages, ({ owner }) => owner).values()
  const sendGroups = async () => {
    for (const group of groups) await sendGroup({ client, endpoint, isOver }, group, result)
  }
  await Promise.all(Array.from({ length: groupsAtOnce }, sendGroups))
  return result
}

/** Adds to the result of all groups; ends as soon as it holds a pause. */
async function sendGroup(
  { client, endpoint, isOver }: { client: Client; endpoint: Endpoint; isOver: IsOver },
  group: readonly PreparedMessage[],
  result: DispatchResult,
): Promise<void> {
  for (const message of group) {
    if (result.pause) return
    if (isOver() || !isReady(client, endpoint)) {
      result.pause = endOfBatch
      return
    }
    const { sent, answer } = await sendOne(client, endpoint, message)
    const pause = pauseOf(answer)
    if (pause) {
      result.pause = pause
      return
    }
    result.outcomes.push(outcomeOf(sent, answer))
    if (answer.result === 'retry') return
  }
}

/** Sends again at once without an identifier that Klaviyo rejects, or smaller: neither costs the event. */
async function sendOne(
  client: Client,
  endpoint: Endpoint,
  message: PreparedMessage,
): Promise<{ sent: PreparedMessage; answer: SendResult }> {
  const answer = await client.post(endpoint, message.body)
  const rest = answer.result === 'rejected' ? replacementFor(message, answer) : null
  return rest ? sendOne(client, endpoint, rest) : { sent: message, answer }
}
