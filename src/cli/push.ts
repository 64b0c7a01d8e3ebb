/** `storefeed push`: sends what waits, once, as from cron. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { openDatabase } from './open-database.ts'
import { describeSummary, sendWaiting } from './send-waiting.ts'
import { print, waitForShutdownSignal } from './terminal.ts'

export function pushCommand(program: Command, readConfig: () => Config): void {
  program
    .command('push')
    .description('Send what waits to Klaviyo and end')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nFrom cron, instead of in real time:\n  */30 * * * * storefeed push')
    .action(async ({ json }: { json?: boolean }) => {
      const config = readConfig()
      const database = await openDatabase(config)
      const stopping = new AbortController()
      void waitForShutdownSignal().then(() => stopping.abort())
      try {
        const summary = await sendWaiting(config, database.url, stopping.signal)
        print(json ? JSON.stringify(summary) : describeSummary(summary))
        if (summary.alarms.length + summary.reasons.length > 0) process.exitCode = 1
      } finally {
        await database.close()
      }
    })
}
