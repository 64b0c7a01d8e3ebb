/** In charge of `storefeed rebuild`: has every item of every feed rendered again, by whichever server refreshes next. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { markAllChanged } from '../feeds/pending-changes.ts'
import { print } from './terminal.ts'
import { withDatabase } from './with-database.ts'

export function rebuildCommand(program: Command, readConfig: () => Config): void {
  program
    .command('rebuild')
    .description(
      'Note every product and store as changed: after a restore, or a load with triggers off',
    )
    .action(async () => {
      await withDatabase(readConfig(), markAllChanged)
      print(
        'Everything is noted. A running server renders it now; else the next one does when it starts.',
      )
    })
}
