/** `storefeed import`: products, stores, customers and history from files. */
import { type Command, Option } from 'commander'
import type { Config } from '../config.ts'
import type { Database } from '../db/connection.ts'
import { type ImportResult, importFile } from '../import-export/import-file.ts'
import { type ImportKind, importKinds } from '../import-export/import-kinds.ts'
import { type InputFile, openInput } from '../import-export/input-file.ts'
import { checkFile, type RecordFile } from '../import-export/read-records.ts'
import { openRejects, type Rejects } from '../import-export/rejects.ts'
import {
  examples,
  type ImportOptions,
  kindNames,
  kindOf,
  mappingOf,
  readMap,
  readSet,
} from './import-options.ts'
import { withDatabase } from './open-database.ts'
import { startProgress } from './progress.ts'
import { print, printError, waitForShutdownSignal } from './terminal.ts'

type CheckedFile = { input: InputFile; kind: ImportKind; file: RecordFile; rejectsBase: string }
type Summary = ImportResult & { file: string; kind: string; rejects: string | null }

const maxShownReasons = 10

export function importCommand(program: Command, readConfig: () => Config): void {
  program
    .command('import')
    .description('Import products, stores, availability, customers, orders or visits from files')
    .argument('<files...>', 'CSV or NDJSON, plain or gzip; - is standard input')
    .addOption(
      new Option('--kind <kind>', 'what the files contain; default: by their names').choices(
        kindNames,
      ),
    )
    .option('--map <column=field>', 'rename a column; repeatable', readMap, new Map())
    .option('--set <field=text>', 'fill a field; {column} is its value', readSet, new Map())
    .option('--skip-unknown', 'skip unknown columns', false)
    .option('--skip-blank <column>', 'skip rows in which this column is empty')
    .option('--dry-run', 'report what would happen and write nothing', false)
    .option('--json', 'print JSON', false)
    .addHelpText('after', examples)
    .action((files: string[], options: ImportOptions) => runImport(readConfig(), files, options))
}

/** Checks all files before it writes the first, and writes them in the order in which their kinds depend on one another. */
async function runImport(config: Config, paths: string[], options: ImportOptions): Promise<void> {
  const checked: CheckedFile[] = []
  const stopping = new AbortController()
  void waitForShutdownSignal().then(() => stopping.abort())
  try {
    for (const path of paths) checked.push(await check(path, options))
    const rank = (one: CheckedFile) => importKinds.indexOf(one.kind)
    checked.sort((one, other) => rank(one) - rank(other))
    const run = { currency: config.currency, dryRun: options.dryRun, signal: stopping.signal }
    await withDatabase(config, async (db) => {
      const summaries: Summary[] = []
      for (const one of checked) summaries.push(await importOne(db, one, run))
      report(summaries, options, stopping.signal.aborted)
    })
  } finally {
    await Promise.all(checked.map(({ input }) => input.close()))
  }
}

async function check(path: string, options: ImportOptions): Promise<CheckedFile> {
  const kind = kindOf(path, options.kind)
  const input = await openInput(path)
  const progress = startProgress(`Checking ${input.name}`)
  try {
    const file = await checkFile(input, kind, mappingOf(options), (done) =>
      progress.update(done, null),
    )
    return { input, kind, file, rejectsBase: path === '-' ? 'import' : path }
  } catch (error) {
    await input.close()
    throw error
  } finally {
    progress.end()
  }
}

type Run = { currency: string; dryRun: boolean; signal: AbortSignal }

async function importOne(db: Database, checked: CheckedFile, run: Run): Promise<Summary> {
  const { input, kind, file } = checked
  const rejects = run.dryRun ? noRejects : await openRejects(checked.rejectsBase, file)
  const progress = startProgress(`${run.dryRun ? 'Trying' : 'Importing'} ${input.name}`)
  let shownReasons = 0
  try {
    const result = await importFile(file, {
      db,
      kind,
      settings: run,
      signal: run.signal,
      progress: (done) => progress.update(done, file.total),
      async reject(record, reason) {
        if (shownReasons++ < maxShownReasons)
          progress.say(`${input.name} line ${record.line}: ${reason}`)
        await rejects.add(record, reason)
      },
    })
    return { file: input.name, kind: kind.name, ...result, rejects: await rejects.end() }
  } finally {
    progress.end()
    await rejects.end()
  }
}

/** A dry run writes no rejects file. */
const noRejects: Rejects = { add: async () => undefined, end: async () => null }

function report(summaries: Summary[], { json, dryRun }: ImportOptions, stopped: boolean): void {
  if (json) print(JSON.stringify({ dry_run: dryRun, stopped, files: summaries }))
  else for (const summary of summaries) print(formatSummary(summary, dryRun))
  if (stopped)
    printError('Stopped. You can import the same files again: what is in the database stays.')
  if (stopped) process.exitCode = 1
  else if (summaries.some(({ rejected }) => rejected > 0)) process.exitCode = 2
}

function formatSummary(summary: Summary, dryRun: boolean): string {
  const counts = [
    `${summary.created} ${dryRun ? 'would be created' : 'created'}`,
    `${summary.updated} updated`,
    `${summary.unchanged} unchanged`,
  ]
  if (summary.skipped > 0) counts.push(`${summary.skipped} skipped`)
  if (summary.rejected > 0)
    counts.push(`${summary.rejected} rejected${summary.rejects ? ` (${summary.rejects})` : ''}`)
  return `${summary.file}, ${summary.kind}: ${counts.join(', ')}`
}
