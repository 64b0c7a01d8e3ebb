/** In charge of `storefeed migrate`: brings the database to the shape this version needs, and does nothing else. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import { openDatabase } from './open-database.ts'
import { print } from './terminal.ts'

export function migrateCommand(program: Command, readConfig: () => Config): void {
  program
    .command('migrate')
    .description('Bring the database to the shape this version needs; serve does so by itself')
    .action(async () => {
      const database = await openDatabase(readConfig())
      await database.close()
      print('The database is up to date.')
    })
}
