/** In charge of sending what is due: round after round until nothing is, within Klaviyo's limits. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Database } from '../db/connect.ts'
import { type LaneName, pushLanes, pushSettings } from '../db/schema/outbox.ts'
import type { Outcome } from '../outbox.ts'
import type { Post } from './post.ts'
import { type Round, runRound } from './round.ts'

/** What became of messages; `pending` counts tries that will be repeated. */
export type Tally = Record<Outcome['status'], number>

export type Drain = {
  db: Database
  post: Post
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Whether messages are still being written: until then, that nothing is due is no end. */
  isFilling?: () => boolean
  /** Told after each round of what has been done so far, and of what this round did. */
  onRound?: (tally: Tally, round: Tally, lane: LaneName) => void
}

const fillingPauseMs = 100

/**
 * Sends until nothing is due, waiting where Klaviyo wants a pause. Ends early when Klaviyo turns
 * storefeed away, or at `signal`, but never between sending and settling. Any number may drain at
 * once: the lane's lock lets one send at a time.
 */
export async function drain(
  lane: LaneName,
  { db, post, log, isFilling = () => false, onRound }: Drain,
  signal: AbortSignal,
): Promise<Tally> {
  const tally = emptyTally()
  while (!signal.aborted) {
    const filling = isFilling()
    const round = await runRound(db, lane, post)
    report(lane, round, log)
    const ofRound = emptyTally()
    for (const { status } of round.outcomes) {
      tally[status]++
      ofRound[status]++
    }
    if (round.outcomes.length > 0) onRound?.(tally, ofRound, lane)
    const idle = round.outcomes.length === 0 && round.waitMs === 0 && !round.halted
    if ((idle && !filling) || round.alarm !== null) break
    await pause(idle ? fillingPauseMs : round.waitMs, signal)
  }
  return tally
}

const emptyTally = (): Tally => ({ sent: 0, buried: 0, unsendable: 0, pending: 0 })

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0) return
  await sleep(ms, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

/** What a new sender tells the database: the settings that triggers need, and that its key deserves a new try. */
export async function prepareToSend(db: Database, backfillAfterMs: number): Promise<void> {
  const after = sql`${backfillAfterMs} * interval '1 ms'`
  await db.execute(
    sql`update ${pushSettings} set backfill_after = ${after} where backfill_after <> ${after}`,
  )
  await db.execute(
    sql`update ${pushLanes} set paused_until = null, alarm = null, alarm_at = null where alarm is not null`,
  )
}

const repeats = {
  buried: 'messages that Klaviyo refuses are buried',
  unsendable: 'messages cannot be sent: their customers have no e-mail or telephone',
  pending: 'messages will be tried again',
} as const

/** By ids and numbers only: a payload is about a person. */
function report(lane: LaneName, round: Round, log: Drain['log']): void {
  if (round.alarm !== null)
    log.error({ lane, reason: round.alarm }, 'Klaviyo turned storefeed away; messages wait')
  const sent = round.outcomes.filter(({ status }) => status === 'sent').length
  if (sent > 0) log.info({ lane, sent }, 'sent to Klaviyo')
  for (const status of ['buried', 'unsendable', 'pending'] as const) {
    const ids = round.outcomes.filter((outcome) => outcome.status === status).map(({ id }) => id)
    if (ids.length > 0)
      log.warn({ lane, count: ids.length, ids: ids.slice(0, 20) }, repeats[status])
  }
}
