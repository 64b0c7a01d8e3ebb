import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Database } from '../db/connection.ts'
import { checkCatalog } from '../doctor/catalog-diagnostics.ts'
import { checkDatabase, checkMessages } from '../doctor/database-diagnostics.ts'
import { type Diagnostic, ok } from '../doctor/diagnostic.ts'
import { checkAccount } from '../doctor/klaviyo-diagnostics.ts'
import { readFeedStatuses } from '../feeds/feed-status.ts'
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
      const diagnostics = await diagnose(readConfig)
      if (json) print(JSON.stringify(diagnostics))
      else for (const diagnostic of diagnostics) print(formatDiagnostic(diagnostic))
      if (diagnostics.some(({ level }) => level === 'error')) process.exitCode = 1
    })
}

/** A check that cannot run is a diagnostic too. */
async function diagnose(readConfig: () => Config): Promise<Diagnostic[]> {
  let config: Config
  try {
    config = readConfig()
  } catch (error) {
    return [failed('settings', error, 'docs/configuration.md lists the valid values.')]
  }
  const ofDatabase = await withDatabase(config, diagnoseDatabase).catch((error: unknown) => [
    failed('database', error, 'Check DATABASE_URL and that Postgres is running.'),
  ])
  return [
    ok('settings', 'All settings are valid.'),
    ...ofDatabase,
    ...(await checkAccount(config.klaviyo)),
  ]
}

async function diagnoseDatabase(db: Database): Promise<Diagnostic[]> {
  return [
    ...(await checkDatabase(db)),
    ...(await checkCatalog(db)),
    ...(await checkFeeds(db)),
    ...(await checkMessages(db)),
  ]
}

async function checkFeeds(db: Database): Promise<Diagnostic[]> {
  const statuses = await readFeedStatuses(db)
  return statuses.flatMap(({ feed, state, items, warnings }): Diagnostic[] => [
    ok('feeds', `The ${feed} feed is ${state} and has ${items} items.`),
    ...warnings.map(
      (found): Diagnostic => ({ level: 'warning', area: 'feeds', found, advice: null }),
    ),
  ])
}

function failed(area: string, error: unknown, advice: string): Diagnostic {
  return { level: 'error', area, found: explainError(error).replace(/\n\s*/g, ' · '), advice }
}

const labels = { ok: 'ok      ', warning: 'warning ', error: 'ERROR   ' }

const formatDiagnostic = ({ level, area, found, advice }: Diagnostic) =>
  `${labels[level]}${area}: ${found}${advice === null ? '' : `\n          ${advice}`}`
