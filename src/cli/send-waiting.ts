/** Sends what waits, for commands that end: with progress, stoppable, and with a summary. */
import type { Config } from '../config.ts'
import { connect } from '../db/connection.ts'
import { type QueueName, queueNames } from '../db/schema/outbox.ts'
import { createKlaviyoSender, klaviyoApis } from '../klaviyo/sender/klaviyo.ts'
import { drain } from '../klaviyo/sender/sender.ts'
import { AppError } from '../lib/errors.ts'
import { settleBoth } from '../lib/settle-both.ts'
import { readReasonsToWait } from '../outbox/delivery-problems.ts'
import { countMessages } from '../outbox/outbox-metrics.ts'
import { prepareToSend, readAlarms } from '../outbox/queue.ts'
import { countOutcomes, type Outcome } from '../outbox/settle.ts'
import { createLogger } from '../server/logger.ts'
import { startProgress } from './progress.ts'

export type Summary = {
  sent: number
  failed: number
  unsendable: number
  /** Still to be sent: to be retried, or written meanwhile. */
  waiting: number
  /** Why Klaviyo rejects the sender. */
  alarms: string[]
  /** Why else messages wait. */
  reasons: string[]
}

/**
 * Sends what is there and what `fill` adds meanwhile, which ends either way before this does. A running server
 * need not be stopped: the two take turns.
 */
export async function sendWaiting(
  config: Config,
  databaseUrl: string,
  signal: AbortSignal,
  fill: () => Promise<void> = async () => {},
): Promise<Summary> {
  // The summary says all of it, and `--json` prints nothing else.
  const log = createLogger('silent')
  const sender = createKlaviyoSender(config.klaviyo, { warn: () => undefined })
  if (!sender) {
    const { keySetting } = klaviyoApis[config.klaviyo.api]
    throw new AppError('invalid', `${keySetting} is not set, so nothing can be sent.`)
  }
  const { db, close } = connect(databaseUrl, { max: queueNames.length + 1 })
  const progress = startProgress('Sending')
  try {
    await prepareToSend(db, config.klaviyo.backfillAfterMs)
    const counts = { sent: 0, failed: 0, unsendable: 0 }
    /** Set once all that is to be sent has been written. */
    let total: number | undefined
    let filling = true
    const fillAll = async () => {
      await fill().finally(() => {
        filling = false
      })
      const { pending = 0 } = await countMessages(db)
      total = pending + counts.sent
    }
    const onBatch = (_: QueueName, outcomes: readonly Outcome[]) => {
      const { sent, failed, unsendable } = countOutcomes(outcomes)
      counts.sent += sent
      counts.failed += failed
      counts.unsendable += unsendable
      if (total !== undefined) progress.update(counts.sent, total)
    }
    const options = { db, sender, log, isFilling: () => filling, onBatch }
    const send = (queue: QueueName) => drain(queue, options, signal)
    await settleBoth(fillAll(), Promise.all(queueNames.map(send)))
    const { pending = 0 } = await countMessages(db)
    const alarms = await readAlarms(db)
    const reasons = await readReasonsToWait(db)
    return { ...counts, waiting: pending, alarms: alarms.map(({ alarm }) => alarm), reasons }
  } finally {
    progress.end()
    await close()
  }
}

export function describeSummary({
  sent,
  failed,
  unsendable,
  waiting,
  alarms,
  reasons,
}: Summary): string {
  const lines = [
    `sent ${sent}, failed ${failed}, unsendable ${unsendable}; ${waiting} waiting`,
    ...alarms.map((alarm) => `Klaviyo rejected the credentials; sending is paused: ${alarm}`),
    ...reasons,
  ]
  if (failed + unsendable > 0) lines.push('See GET /v1/events?status=failed for the reasons.')
  return lines.join('\n')
}
