import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { openDatabase } from './open-database.ts'
import { print } from './terminal.ts'

export function migrateCommand(program: Command, readConfig: () => Config): void {
  program
    .command('migrate')
    .description('Apply the database migrations of this version; serve does so at start')
    .action(async () => {
      const database = await openDatabase(readConfig(), { migrates: true })
      await database.close()
      print('The database is up to date.')
    })
}
