import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Database } from '../db/connection.ts'
import { checkCatalog } from '../doctor/catalog-diagnostics.ts'
import { checkDatabase } from '../doctor/database-diagnostics.ts'
import { type Diagnostic, error, ok } from '../doctor/diagnostic.ts'
import { checkFeeds } from '../doctor/feed-diagnostics.ts'
import { checkAccount } from '../doctor/klaviyo-diagnostics.ts'
import { checkMessages } from '../doctor/message-diagnostics.ts'
import { rendererOf } from '../feeds/renderer.ts'
import { withDatabase } from './open-database.ts'
import { explainError } from './report-errors.ts'
import { print } from './terminal.ts'

export function doctorCommand(program: Command, readConfig: () => Config): void {
  program
    .command('doctor')
    .description('Check settings, database, feeds and the Klaviyo key, and say what to do')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nThe exit status is 1 when something does not work.')
    .action(async ({ json }: { json?: boolean }) => {
      const diagnostics = await checkAll(readConfig)
      if (json) print(JSON.stringify(diagnostics))
      else for (const diagnostic of diagnostics) print(lineOf(diagnostic))
      if (diagnostics.some(({ level }) => level === 'error')) process.exitCode = 1
    })
}

/** A check that fails to run is a diagnostic too. */
async function checkAll(readConfig: () => Config): Promise<Diagnostic[]> {
  let config: Config
  try {
    config = readConfig()
  } catch (cause) {
    return [failed('settings', cause, 'docs/configuration.md lists the valid values.')]
  }
  const inDatabase = await withDatabase(config, (db) => checkWithDatabase(db, config)).catch(
    (cause: unknown) => [
      failed('database', cause, 'Check DATABASE_URL and that Postgres is running.'),
    ],
  )
  return [
    ok('settings', 'All settings are valid.'),
    ...inDatabase,
    ...(await checkAccount(config.klaviyo)),
  ]
}

async function checkWithDatabase(db: Database, config: Config): Promise<Diagnostic[]> {
  return [
    ...(await checkDatabase(db)),
    ...(await checkCatalog(db, config)),
    ...(await checkFeeds(db, rendererOf(config))),
    ...(await checkMessages(db)),
  ]
}

function failed(area: string, cause: unknown, advice: string): Diagnostic {
  return error(area, explainError(cause).replace(/\n\s*/g, ' · '), advice)
}

const labels = { ok: 'ok      ', warning: 'warning ', error: 'ERROR   ' }

const lineOf = ({ level, area, message, advice }: Diagnostic) =>
  `${labels[level]}${area}: ${message}${advice === null ? '' : `\n          ${advice}`}`
