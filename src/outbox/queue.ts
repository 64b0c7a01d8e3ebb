/** The state of a queue: its lock, its pause, and what its senders share. */
import { eq, isNotNull, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox, outboxQueues, outboxSettings, type QueueName } from '../db/schema/outbox.ts'

/** How long nobody sends, and why. The alarm says why Klaviyo rejected the sender, if it did. */
export type QueuePause = { ms: number; alarm?: string; reason?: string }

export type QueueState = {
  /** Null when the queue is not paused for this sender. */
  paused_ms: number | null
  alarm: string | null
  /** The database's clock, which all senders share. */
  epoch_ms: number
  /** Requests of the last minute by endpoint and tenth of a second. */
  requests: Record<string, Record<string, number>>
  /** Whether orders are recorded that changed while their first event waited or was being sent. */
  amended: boolean
  /** Whether customers are recorded that can be reached since. */
  reachable: boolean
}

/** The longest pause: a Retry-After is cut to it. */
export const maxPauseMs = 15 * 60_000

export type QueueCheckpoint = Pick<QueueState, 'requests'> & {
  pause: QueuePause | null
  /** Whom Klaviyo rejects, if it does. */
  sender: string
}

/** A pause that ends later than any does was stored before the clock was set back. */
export const longestPauseMs = maxPauseMs + 60_000

/** Stores what the queue's next sender must know; the lock itself ends with the transaction. */
export async function releaseQueue(
  tx: Queryable,
  queue: QueueName,
  { requests, pause, sender }: QueueCheckpoint,
): Promise<void> {
  await tx
    .update(outboxQueues)
    .set({
      requests,
      paused_until: sql`clock_timestamp() + ${pause?.ms ?? 0} * interval '1 ms'`,
      pause_reason: pause?.reason ?? null,
      alarm: pause?.alarm ?? null,
      alarm_sender: pause?.alarm === undefined ? null : sender,
      alarm_at: pause?.alarm === undefined ? null : sql`now()`,
    })
    .where(eq(outboxQueues.queue, queue))
}

/** For a sender that starts: stores the setting that triggers read, and lets its key be tried at once. */
export async function prepareToSend(db: Queryable, backfillAfterMs: number): Promise<void> {
  const after = sql`${backfillAfterMs} * interval '1 ms'`
  await db
    .update(outboxSettings)
    .set({ backfill_after: after })
    .where(sql`${outboxSettings.backfill_after} <> ${after}`)
  await db
    .update(outboxQueues)
    .set({ paused_until: null, alarm: null, alarm_at: null, alarm_sender: null })
    .where(isNotNull(outboxQueues.alarm))
  await correctNextTries(db)
}

/** The longest delay between two tries, as in {@link retryDelayMs}. */
const maxDelayMs = 3_600_000

/** A message that waits longer than any does got its time before the clock was set back. */
export async function correctNextTries(db: Queryable): Promise<void> {
  await db
    .update(outbox)
    .set({ next_at: sql`now()` })
    .where(
      sql`status = 'pending' and (order_id is not null or customer_id is not null)
        and next_at > now() + ${maxDelayMs + 60_000} * interval '1 ms'`,
    )
}

/** Why Klaviyo rejects the sender, by queue; empty when it does not. */
export async function readAlarms(db: Queryable): Promise<{ queue: QueueName; alarm: string }[]> {
  const { queue, alarm } = outboxQueues
  const rows = await db
    .select({ queue, alarm })
    .from(outboxQueues)
    .where(isNotNull(alarm))
    .orderBy(queue)
  return rows.flatMap((row) => (row.alarm === null ? [] : [{ queue: row.queue, alarm: row.alarm }]))
}
