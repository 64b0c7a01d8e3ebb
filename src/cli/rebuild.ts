import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { markAllChanged } from '../feeds/pending-changes.ts'
import { withDatabase } from './open-database.ts'
import { print } from './terminal.ts'

export function rebuildCommand(program: Command, readConfig: () => Config): void {
  program
    .command('rebuild')
    .description('Render every feed item again: after a restore, or a load with triggers off')
    .action(async () => {
      await withDatabase(readConfig(), markAllChanged)
      print(
        'Every product and store is marked as changed. A running server renders them now, otherwise the next one does at start.',
      )
    })
}
