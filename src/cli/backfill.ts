/** In charge of `storefeed backfill`: history, with its true times and without triggering flows. */
import { type Command, InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { connect } from '../db/connection.ts'
import { countBackfill, enqueueBackfill, type Filling, type Period } from '../outbox/backfill.ts'
import { openDatabase } from './open-database.ts'
import { startProgress } from './progress.ts'
import { describeSummary, sendWaiting } from './send-waiting.ts'
import { print, waitForShutdownSignal } from './terminal.ts'

type Options = { from?: string; to?: string; json?: boolean }

export function backfillCommand(program: Command, readConfig: () => Config): void {
  program
    .command('backfill')
    .description('Send the history of orders to Klaviyo; what was sent before is not sent again')
    .option('--from <time>', 'the first moment of the period, ISO 8601', readTime)
    .option('--to <time>', 'the end of the period, which is not part of it', readTime)
    .option('--json', 'answer as JSON')
    .addHelpText('after', '\nA year:\n  storefeed backfill --from 2025-01-01 --to 2026-01-01')
    .action((options: Options) => backfill(readConfig(), options))
}

/** A date alone is its midnight in UTC. */
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
    let filled: Filling = { orders: 0, messages: 0 }
    const summary = await sendWaiting(config, database.url, stopping.signal, async () => {
      filled = await fill(database.url, period, config.klaviyo.url, stopping.signal)
    })
    print(
      json
        ? JSON.stringify({ ...filled, ...summary })
        : `${filled.orders} orders, ${filled.messages} messages added; ${describeSummary(summary)}`,
    )
    if (summary.alarms.length > 0) process.exitCode = 1
  } finally {
    await database.close()
  }
}

async function fill(
  databaseUrl: string,
  period: Period,
  klaviyoUrl: string,
  signal: AbortSignal,
): Promise<Filling> {
  const { db, close } = connect(databaseUrl, { max: 1 })
  const progress = startProgress('Looking through orders')
  let filled: Filling = { orders: 0, messages: 0 }
  try {
    const total = await countBackfill(db, period)
    for await (const done of enqueueBackfill(db, period, klaviyoUrl)) {
      filled = done
      progress.update(done.orders, total)
      if (signal.aborted) break
    }
    return filled
  } finally {
    progress.end()
    await close()
  }
}
