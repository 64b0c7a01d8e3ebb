/** In charge of sending what is due: round after round until nothing is, within Klaviyo's limits. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import type { Database } from '../../db/connection.ts'
import { outboxQueues, outboxSettings, type QueueName } from '../../db/schema/outbox.ts'
import type { Outcome } from '../../outbox/outbox.ts'
import type { KlaviyoSender } from './klaviyo.ts'
import { type Round, sendBatch } from './round.ts'

/** What became of messages; `pending` counts tries that will be repeated. */
export type SendCounts = Record<Outcome['status'], number>

export type Drain = {
  db: Database
  post: KlaviyoSender
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Whether messages are still being written: until then, that nothing is due is no end. */
  isFilling?: () => boolean
  /** Told after each round of what has been done so far, and of what this round did. */
  onRound?: (tally: SendCounts, round: SendCounts, queue: QueueName) => void
}

const fillingPauseMs = 100

/**
 * Sends until nothing is due, waiting where Klaviyo wants a pause. Ends early when Klaviyo turns
 * storefeed away, or at `signal`, but never between sending and settling. Any number may drain at
 * once: the queue's lock lets one send at a time.
 */
export async function drain(
  queue: QueueName,
  { db, post, log, isFilling = () => false, onRound }: Drain,
  signal: AbortSignal,
): Promise<SendCounts> {
  const tally = emptyTally()
  while (!signal.aborted) {
    const filling = isFilling()
    const round = await sendBatch(db, queue, post)
    report(queue, round, log)
    const ofRound = emptyTally()
    for (const { status } of round.outcomes) {
      tally[status]++
      ofRound[status]++
    }
    if (round.outcomes.length > 0) onRound?.(tally, ofRound, queue)
    const idle = round.outcomes.length === 0 && round.waitMs === 0 && !round.halted
    if ((idle && !filling) || round.alarm !== null) break
    await pause(idle ? fillingPauseMs : round.waitMs, signal)
  }
  return tally
}

const emptyTally = (): SendCounts => ({ sent: 0, failed: 0, unsendable: 0, pending: 0 })

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
    sql`update ${outboxSettings} set backfill_after = ${after} where backfill_after <> ${after}`,
  )
  await db.execute(
    sql`update ${outboxQueues} set paused_until = null, alarm = null, alarm_at = null where alarm is not null`,
  )
}

const repeats = {
  failed: 'messages that Klaviyo refuses are failed',
  unsendable: 'messages cannot be sent: their customers have no e-mail or telephone',
  pending: 'messages will be tried again',
} as const

/** By ids and numbers only: a payload is about a person. */
function report(queue: QueueName, round: Round, log: Drain['log']): void {
  if (round.alarm !== null)
    log.error({ queue, reason: round.alarm }, 'Klaviyo turned storefeed away; messages wait')
  const sent = round.outcomes.filter(({ status }) => status === 'sent').length
  if (sent > 0) log.info({ queue, sent }, 'sent to Klaviyo')
  for (const status of ['failed', 'unsendable', 'pending'] as const) {
    const ids = round.outcomes.filter((outcome) => outcome.status === status).map(({ id }) => id)
    if (ids.length > 0)
      log.warn({ queue, count: ids.length, ids: ids.slice(0, 20) }, repeats[status])
  }
}
