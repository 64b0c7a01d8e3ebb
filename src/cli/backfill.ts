/** `storefeed backfill`: sends history, with its true times and without triggering flows. */
import { type Command, InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { connect } from '../db/connection.ts'
import {
  type BackfillCounts,
  countBackfill,
  enqueueBackfill,
  type Period,
} from '../outbox/backfill.ts'
import { openDatabase } from './open-database.ts'
import { startProgress } from './progress.ts'
import { describeSummary, sendWaiting } from './send-waiting.ts'
import { print, waitForShutdownSignal } from './terminal.ts'

type Options = { from?: string; to?: string; json?: boolean }

export function backfillCommand(program: Command, readConfig: () => Config): void {
  program
    .command('backfill')
    .description('Send the history of orders to Klaviyo, except what was sent before')
    .option('--from <time>', 'start of the period, ISO 8601', readTime)
    .option('--to <time>', 'end of the period, exclusive, ISO 8601', readTime)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nA year:\n  storefeed backfill --from 2025-01-01 --to 2026-01-01')
    .action((options: Options) => backfill(readConfig(), options))
}

/** A date alone is midnight UTC. */
function readTime(text: string): string {
  const time = new Date(text)
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('It must be ISO 8601, such as 2025-01-31 or 2025-01-31T09:00Z.')
  return time.toISOString()
}

async function backfill(config: Config, { from, to, json }: Options): Promise<void> {
  const database = await openDatabase(config)
  const stopping = new AbortController()
  void waitForShutdownSignal().then(() => stopping.abort())
  try {
    const period = { from: from ?? null, to: to ?? null }
    let enqueued: BackfillCounts = { orders: 0, messages: 0 }
    const summary = await sendWaiting(config, database.url, stopping.signal, async () => {
      enqueued = await enqueue(database.url, period, config.klaviyo.url, stopping.signal)
    })
    print(
      json
        ? JSON.stringify({ ...enqueued, ...summary })
        : `${enqueued.orders} orders, ${enqueued.messages} messages added; ${describeSummary(summary)}`,
    )
    if (summary.alarms.length + summary.reasons.length > 0) process.exitCode = 1
  } finally {
    await database.close()
  }
}

async function enqueue(
  databaseUrl: string,
  period: Period,
  klaviyoUrl: string,
  signal: AbortSignal,
): Promise<BackfillCounts> {
  const { db, close } = connect(databaseUrl, { max: 1 })
  const progress = startProgress('Reading orders')
  let enqueued: BackfillCounts = { orders: 0, messages: 0 }
  try {
    const total = await countBackfill(db, period)
    for await (const done of enqueueBackfill(db, period, klaviyoUrl)) {
      enqueued = done
      progress.update(done.orders, total)
      if (signal.aborted) break
    }
    return enqueued
  } finally {
    progress.end()
    await close()
  }
}
