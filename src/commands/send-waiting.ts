/** In charge of sending what waits, for commands that end: with progress, stoppable, and with a summary. */
import type { Config } from '../config.ts'
import { both } from '../db/both.ts'
import { connect, type Database } from '../db/connect.ts'
import { type LaneName, laneNames } from '../db/schema/outbox.ts'
import { Refusal } from '../errors.ts'
import { createPost } from '../klaviyo/post.ts'
import { drain, prepareToSend, type Tally } from '../klaviyo/sender.ts'
import { createLogger } from '../log.ts'
import { countMessages, readAlarms } from '../outbox.ts'
import { startProgress } from './progress.ts'

export type Summary = Pick<Tally, 'sent' | 'buried' | 'unsendable'> & {
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
  const post = createPost(config.klaviyo, { warn: () => undefined })
  if (!post) throw new Refusal('invalid', missingKey[config.klaviyo.api])
  const { db, close } = connect(databaseUrl, { max: laneNames.length + 1 })
  const progress = startProgress('Sending')
  try {
    await prepareToSend(db, config.klaviyo.backfillAfterMs)
    const tallies = new Map<string, Tally>()
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
    const send = async (lane: LaneName) => {
      const onRound = (tally: Tally) => {
        tallies.set(lane, tally)
        if (total !== undefined) progress.update(sum(tallies, 'sent'), total)
      }
      await drain(lane, { db, post, log, isFilling: () => filling, onRound }, signal)
    }
    await both(fillAll(), Promise.all(laneNames.map(send)))
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

async function summarize(db: Database, tallies: Map<string, Tally>): Promise<Summary> {
  const alarms = await readAlarms(db)
  return {
    sent: sum(tallies, 'sent'),
    buried: sum(tallies, 'buried'),
    unsendable: sum(tallies, 'unsendable'),
    waiting: (await countMessages(db)).pending ?? 0,
    alarms: alarms.map(({ alarm }) => alarm),
  }
}

function sum(tallies: Map<string, Tally>, name: keyof Tally): number {
  return [...tallies.values()].reduce((total, tally) => total + tally[name], 0)
}

export function describeSummary({ sent, buried, unsendable, waiting, alarms }: Summary): string {
  const lines = [
    `sent ${sent}, buried ${buried}, unsendable ${unsendable}; ${waiting} wait`,
    ...alarms.map((alarm) => `Klaviyo turned storefeed away: ${alarm}`),
  ]
  if (buried + unsendable > 0) lines.push('GET /v1/events?status=buried tells why.')
  return lines.join('\n')
}
