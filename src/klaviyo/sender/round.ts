/** In charge of one round of sending: claim, build, send and settle, all in one transaction under the queue's lock. */
import { type Database, transaction } from '../../db/connection.ts'
import type { QueueName } from '../../db/schema/outbox.ts'
import {
  acquireQueue,
  type Outcome,
  type QueueState,
  releaseQueue,
  settle,
} from '../../outbox/outbox.ts'
import type { Client } from '../api/client.ts'
import { carriers } from './dispatch.ts'
import type { KlaviyoSender } from './klaviyo.ts'

export type Round = {
  outcomes: Outcome[]
  /** How long there is nothing to be done: another sender has the queue, Klaviyo wants a pause, or a limit is reached. */
  waitMs: number
  /** Some was left undone on purpose and is due at once. */
  halted: boolean
  alarm: string | null
}

const otherSenderMs = 1_000

/**
 * A process killed between sending and settling leaves its messages pending; they are sent again, and
 * Klaviyo drops what it has by their unique_id. The same holds for a round that is run again after a deadlock.
 */
export async function sendBatch(
  db: Database,
  queue: QueueName,
  post: KlaviyoSender,
): Promise<Round> {
  return transaction(db, async (tx) => {
    const state = await acquireQueue(tx, queue)
    if (!state) return waitFor(otherSenderMs)
    if (state.paused_ms !== null) return waitFor(state.paused_ms)
    remember(post.client, state)
    const { outcomes, halt, waitMs } = await carriers[queue](tx, post)
    if (outcomes.length === 0 && !halt) return waitFor(waitMs)
    await settle(tx, outcomes, post.client.url)
    const pauseMs = halt?.pauseMs ?? 0
    const alarm = halt?.alarm ?? null
    await releaseQueue(tx, queue, { requests: requestsOf(post.client), pauseMs, alarm })
    return { outcomes, waitMs: pauseMs, halted: halt !== null, alarm }
  })
}

const waitFor = (waitMs: number): Round => {
  return { outcomes: [], waitMs, halted: false, alarm: null }
}

/** Senders that take turns keep Klaviyo's limits together. */
function remember({ rateLimiters }: Client, { requests }: QueueState): void {
  for (const [endpoint, pace] of Object.entries(rateLimiters)) pace.merge(requests[endpoint] ?? {})
}

function requestsOf({ rateLimiters }: Client): QueueState['requests'] {
  return Object.fromEntries(
    Object.entries(rateLimiters).map(([endpoint, pace]) => [endpoint, pace.requests()]),
  )
}
