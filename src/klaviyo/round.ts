/** In charge of one round of sending: claim, build, send and settle, all in one transaction under the lane's lock. */
import { type Database, transaction } from '../db/connect.ts'
import type { LaneName } from '../db/schema/outbox.ts'
import { enterLane, type LaneState, leaveLane, type Outcome, settle } from '../outbox.ts'
import { carriers } from './carry.ts'
import type { Client } from './client.ts'
import type { Post } from './post.ts'

export type Round = {
  outcomes: Outcome[]
  /** How long there is nothing to be done: another sender has the lane, Klaviyo wants a pause, or a limit is reached. */
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
export async function runRound(db: Database, lane: LaneName, post: Post): Promise<Round> {
  return transaction(db, async (tx) => {
    const state = await enterLane(tx, lane)
    if (!state) return waitFor(otherSenderMs)
    if (state.paused_ms !== null) return waitFor(state.paused_ms)
    remember(post.client, state)
    const { outcomes, halt, waitMs } = await carriers[lane](tx, post)
    if (outcomes.length === 0 && !halt) return waitFor(waitMs)
    await settle(tx, outcomes, post.client.url)
    const pauseMs = halt?.pauseMs ?? 0
    const alarm = halt?.alarm ?? null
    await leaveLane(tx, lane, { requests: requestsOf(post.client), pauseMs, alarm })
    return { outcomes, waitMs: pauseMs, halted: halt !== null, alarm }
  })
}

const waitFor = (waitMs: number): Round => {
  return { outcomes: [], waitMs, halted: false, alarm: null }
}

/** Senders that take turns keep Klaviyo's limits together. */
function remember({ paces }: Client, { requests }: LaneState): void {
  for (const [endpoint, pace] of Object.entries(paces)) pace.remember(requests[endpoint] ?? {})
}

function requestsOf({ paces }: Client): LaneState['requests'] {
  return Object.fromEntries(
    Object.entries(paces).map(([endpoint, pace]) => [endpoint, pace.requests()]),
  )
}
