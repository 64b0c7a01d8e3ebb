/** In charge of `storefeed doctor`: looks at everything that a connection needs, and tells what to do. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Database } from '../db/connection.ts'
import { checkCatalog } from '../doctor/catalog-diagnostics.ts'
import { checkDatabase, checkMessages } from '../doctor/database-diagnostics.ts'
import { type Diagnostic, ok } from '../doctor/diagnostic.ts'
import { checkAccount } from '../doctor/klaviyo-diagnostics.ts'
import { readFeedStatuses } from '../feeds/feed-status.ts'
import { explainFailure } from './explain-failure.ts'
import { print } from './terminal.ts'
import { withDatabase } from './with-database.ts'

export function doctorCommand(program: Command, readConfig: () => Config): void {
  program
    .command('doctor')
    .description('Check settings, database, feeds and the key, and tell what to do')
    .option('--json', 'answer as JSON')
    .addHelpText('after', '\nThe exit status is 1 when something does not work.')
    .action(async ({ json }: { json?: boolean }) => {
      const findings = await examine(readConfig)
      if (json) print(JSON.stringify(findings))
      else for (const finding of findings) print(lineOf(finding))
      if (findings.some(({ level }) => level === 'error')) process.exitCode = 1
    })
}

/** What can't be looked at is a finding too. */
async function examine(readConfig: () => Config): Promise<Diagnostic[]> {
  let config: Config
  try {
    config = readConfig()
  } catch (error) {
    return [failed('settings', error, 'The README lists what each may be.')]
  }
  const inDatabase = await withDatabase(config, examineDatabase).catch((error: unknown) => [
    failed('database', error, 'Check DATABASE_URL and that Postgres runs.'),
  ])
  return [
    ok('settings', 'They can be read.'),
    ...inDatabase,
    ...(await checkAccount(config.klaviyo)),
  ]
}

async function examineDatabase(db: Database): Promise<Diagnostic[]> {
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
    ok('feeds', `The feed of ${feed} is ${state}, with ${items} items.`),
    ...warnings.map(
      (found): Diagnostic => ({ level: 'warning', area: 'feeds', found, advice: null }),
    ),
  ])
}

function failed(area: string, error: unknown, advice: string): Diagnostic {
  return { level: 'error', area, found: explainFailure(error).replace(/\n\s*/g, ' · '), advice }
}

const marks = { ok: 'ok      ', warning: 'warning ', error: 'ERROR   ' }

const lineOf = ({ level, area, found, advice }: Diagnostic) =>
  `${marks[level]}${area}: ${found}${advice === null ? '' : `\n          ${advice}`}`
