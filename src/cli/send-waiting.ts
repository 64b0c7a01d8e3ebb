/** In charge of sending what waits, for commands that end: with progress, stoppable, and with a summary. */
import type { Config } from '../config.ts'
import { connect, type Database } from '../db/connection.ts'
import { type QueueName, queueNames } from '../db/schema/outbox.ts'
import { createKlaviyoSender } from '../klaviyo/sender/klaviyo.ts'
import { drain, prepareToSend, type SendCounts } from '../klaviyo/sender/sender.ts'
import { AppError } from '../lib/errors.ts'
import { settleBoth } from '../lib/settle-both.ts'
import { countMessages, readAlarms } from '../outbox/outbox.ts'
import { createLogger } from '../server/logger.ts'
import { startProgress } from './progress.ts'

export type Summary = Pick<SendCounts, 'sent' | 'failed' | 'unsendable'> & {
  /** Still to be sent: tried in vain, or written meanwhile. */
  waiting: number
  alarms: string[]
}

/**
 * Sends what is there and what `fill` adds meanwhile, which ends either way before this does. Needs no stopping
 * of a running server: the two take turns.
 */
export async function sendWaiting(
  config: Config,
  databaseUrl: string,
  signal: AbortSignal,
  fill: () => Promise<void> = async () => {},
): Promise<Summary> {
  // The summary tells all of it, and nothing else may stand in what `--json` prints.
  const log = createLogger('silent')
  const post = createKlaviyoSender(config.klaviyo, { warn: () => undefined })
  if (!post) throw new AppError('invalid', missingKey[config.klaviyo.api])
  const { db, close } = connect(databaseUrl, { max: queueNames.length + 1 })
  const progress = startProgress('Sending')
  try {
    await prepareToSend(db, config.klaviyo.backfillAfterMs)
    const tallies = new Map<string, SendCounts>()
    /** Known once all is there that is to be sent. */
    let total: number | undefined
    let filling = true
    const fillAll = async () => {
      await fill().finally(() => {
        filling = false
      })
      const { pending = 0 } = await countMessages(db)
      total = pending + sum(tallies, 'sent')
    }
    const send = async (queue: QueueName) => {
      const onRound = (tally: SendCounts) => {
        tallies.set(queue, tally)
        if (total !== undefined) progress.update(sum(tallies, 'sent'), total)
      }
      await drain(queue, { db, post, log, isFilling: () => filling, onRound }, signal)
    }
    await settleBoth(fillAll(), Promise.all(queueNames.map(send)))
    return await summarize(db, tallies)
  } finally {
    progress.end()
    await close()
  }
}

const missingKey = {
  events: 'KLAVIYO_API_KEY is not set, so nothing can be sent.',
  track: 'KLAVIYO_PUBLIC_KEY is not set, so nothing can be sent.',
}

async function summarize(db: Database, tallies: Map<string, SendCounts>): Promise<Summary> {
  const alarms = await readAlarms(db)
  return {
    sent: sum(tallies, 'sent'),
    failed: sum(tallies, 'failed'),
    unsendable: sum(tallies, 'unsendable'),
    waiting: (await countMessages(db)).pending ?? 0,
    alarms: alarms.map(({ alarm }) => alarm),
  }
}

function sum(tallies: Map<string, SendCounts>, name: keyof SendCounts): number {
  return [...tallies.values()].reduce((total, tally) => total + tally[name], 0)
}

export function describeSummary({ sent, failed, unsendable, waiting, alarms }: Summary): string {
  const lines = [
    `sent ${sent}, failed ${failed}, unsendable ${unsendable}; ${waiting} wait`,
    ...alarms.map((alarm) => `Klaviyo turned storefeed away: ${alarm}`),
  ]
  if (failed + unsendable > 0) lines.push('GET /v1/events?status=failed tells why.')
  return lines.join('\n')
}
