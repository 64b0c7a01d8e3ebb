/** Sends what is due, batch after batch, within Klaviyo's limits. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type Database, type Queryable, transaction } from '../../db/connection.ts'
import type { QueueName } from '../../db/schema/outbox.ts'
import { settleBoth } from '../../lib/settle-both.ts'
import { type QueuePause, type QueueState, releaseQueue } from '../../outbox/queue.ts'
import { enqueueAmended, requeueUnsendable } from '../../outbox/requeue.ts'
import { type Outcome, settle, withoutDetail } from '../../outbox/settle.ts'
import { claim, type Due, rateLimitMs } from './dispatch.ts'
import type { KlaviyoSender } from './klaviyo.ts'
import type { DispatchResult } from './outcomes.ts'
import { endpointsOf } from './transport.ts'

export type DrainOptions = {
  db: Database
  sender: KlaviyoSender
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Whether messages are still being written: until then the queue is not drained. */
  isFilling?: () => boolean
  /** Called after each batch that did anything. */
  onBatch?: (queue: QueueName, outcomes: readonly Outcome[]) => void
}

const fillingPauseMs = 100
const otherSenderMs = 1_000
/** A pause is looked at again this often: it may have been cleared, or the key corrected. */
const recheckMs = 1_000

/**
 * Sends until nothing is due, waiting where Klaviyo wants a pause. Ends early when Klaviyo rejects the
 * sender, or at `signal`, but never between sending and settling. Any number may drain at once: the
 * queue's lock lets one send at a time.
 */
export async function drain(
  queue: QueueName,
  { db, sender, log, isFilling = () => false, onBatch }: DrainOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const filling = isFilling()
    const { outcomes, pause, isHeld } = await sendBatch(db, queue, sender, signal)
    if (!isHeld) logBatch(queue, outcomes, pause, log)
    if (outcomes.length > 0) onBatch?.(queue, outcomes)
    const idle = outcomes.length === 0 && pause === null
    if ((idle && !filling) || pause?.alarm !== undefined) return
    await sleepUnlessAborted(idle ? fillingPauseMs : pause?.ms, signal)
  }
}

/**
 * One transaction under the queue's lock. A process killed between sending and settling leaves its messages
 * pending; they are sent again, and Klaviyo drops what it has by their unique_id. The same holds for a batch that
 * is run again after a deadlock.
 */
export async function sendBatch(
  db: Database,
  queue: QueueName,
  sender: KlaviyoSender,
  signal: AbortSignal,
): Promise<BatchResult> {
  for (let isComplete = queue !== 'events'; ; isComplete = true) {
    const result = await transaction(db, (tx) => sendClaimed(tx, queue, sender, isComplete, signal))
    if (result) return result
    // A transaction of its own: it locks orders, which must not wait for Klaviyo.
    await enqueueAmended(db)
  }
}

/** Null when messages of amendments may have to be written first, unless the queue `isComplete`. */
async function sendClaimed(
  tx: Queryable,
  queue: QueueName,
  sender: KlaviyoSender,
  isComplete: boolean,
  signal: AbortSignal,
): Promise<BatchResult | null> {
  const claimed = await claim[queue](tx, sender)
  if (!claimed) return held({ ms: otherSenderMs })
  const { state } = claimed
  if (state.paused_ms !== null) return held(pauseOfState(state.paused_ms, state.alarm))
  if (state.amended && !isComplete) return null
  mergeRequests(sender, state)
  const limitedMs = rateLimitMs(queue, sender)
  if (limitedMs > 0) return held({ ms: limitedMs })
  // Rarely so: else even planning the query would hold up each order.
  const isRequeuing = queue === 'events' && state.reachable
  const due = isRequeuing ? await requeueAndClaim(tx, queue, sender) : claimed
  const result = { ...(await due.dispatch(signal)), isHeld: false }
  const { outcomes, pause } = result
  if (outcomes.length === 0 && !pause) return result
  const requests = readRequests(sender)
  await settleBoth(
    settle(tx, outcomes, sender.client.url),
    releaseQueue(tx, queue, { requests, pause, sender: sender.id }),
  )
  return result
}

async function requeueAndClaim(
  tx: Queryable,
  queue: QueueName,
  sender: KlaviyoSender,
): Promise<Due> {
  // Sent together; Postgres executes them in this order.
  const [, claimed] = await settleBoth(requeueUnsendable(tx), claim[queue](tx, sender))
  if (!claimed) throw new Error('the lock of the queue was lost within the transaction')
  return claimed
}

/** `isHeld`: nothing was tried, because of another sender, a pause or a limit. */
type BatchResult = DispatchResult & { isHeld: boolean }

const held = (pause: QueuePause): BatchResult => ({ outcomes: [], pause, isHeld: true })

const pauseOfState = (ms: number, alarm: string | null): QueuePause =>
  alarm === null ? { ms } : { ms, alarm }

/** Senders that take turns share Klaviyo's limits. */
function mergeRequests(
  { client, transport }: KlaviyoSender,
  { requests, epoch_ms }: Pick<QueueState, 'requests' | 'epoch_ms'>,
) {
  for (const endpoint of endpointsOf(transport))
    client.rateLimiter(endpoint).merge(requests[endpoint.name] ?? {}, epoch_ms)
}

function readRequests({ client, transport }: KlaviyoSender): QueueState['requests'] {
  return Object.fromEntries(
    endpointsOf(transport).map((endpoint) => [
      endpoint.name,
      client.rateLimiter(endpoint).requests(),
    ]),
  )
}

async function sleepUnlessAborted(ms = 0, signal: AbortSignal): Promise<void> {
  if (ms === 0) return
  await sleep(Math.min(ms, recheckMs), undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}

const warnings = {
  failed: 'messages failed: Klaviyo rejected them, or the last retry failed',
  unsendable: 'messages cannot be sent: no customer, or none with an email or phone number',
  pending: 'messages will be retried',
} as const

/** Ids, numbers and statuses only: a payload holds personal data, and Klaviyo's details may quote it. */
function logBatch(
  queue: QueueName,
  outcomes: readonly Outcome[],
  pause: QueuePause | null,
  log: DrainOptions['log'],
): void {
  if (pause?.alarm !== undefined)
    log.error({ queue, reason: pause.alarm }, 'Klaviyo rejected the credentials; sending is paused')
  else if (pause?.reason !== undefined)
    log.warn({ queue, reason: pause.reason, pause_ms: pause.ms }, 'Klaviyo asked to wait')
  const sent = outcomes.filter(({ status }) => status === 'sent').length
  if (sent > 0) log.info({ queue, sent }, 'sent to Klaviyo')
  for (const status of ['failed', 'unsendable', 'pending'] as const) {
    const those = outcomes.filter((outcome) => outcome.status === status)
    if (those.length === 0) continue
    const ids = those.slice(0, maxLogged).map(({ id }) => id)
    log.warn({ queue, count: those.length, ids, reasons: reasonsOf(those) }, warnings[status])
  }
}

const maxLogged = 20
const maxReasons = 5

function reasonsOf(outcomes: readonly Outcome[]): string[] {
  const errors = outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : []))
  return [...new Set(errors.map(withoutDetail))].slice(0, maxReasons)
}
