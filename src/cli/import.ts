/** In charge of `storefeed import`: products, stores, customers and history from files. */
import { type Command, Option } from 'commander'
import type { Config } from '../config.ts'
import type { Database } from '../db/connection.ts'
import { type ImportKind, importKinds } from '../import-export/import-kinds.ts'
import { type InputFile, openInput } from '../import-export/input-file.ts'
import { checkFile, type RecordFile } from '../import-export/read-records.ts'
import { openRejects, type Rejects } from '../import-export/rejects.ts'
import { type Imported, importEntries } from './import-file.ts'
import {
  examples,
  type ImportOptions,
  kindNames,
  kindOf,
  mappingOf,
  readMap,
  readSet,
} from './import-options.ts'
import { startProgress } from './progress.ts'
import { print, printError, waitForShutdownSignal } from './terminal.ts'
import { withDatabase } from './with-database.ts'

type Checked = { input: InputFile; kind: ImportKind; file: RecordFile; rejectsBase: string }
type Summary = Imported & { file: string; kind: string; rejects: string | null }

const reasonsShown = 10

export function importCommand(program: Command, readConfig: () => Config): void {
  program
    .command('import')
    .description('Bring in products, stores, availability, customers, orders or visits from files')
    .argument('<files...>', 'CSV or NDJSON, plain or gzip; - is standard input')
    .addOption(
      new Option('--kind <kind>', 'what is in the files; else their names tell').choices(kindNames),
    )
    .option('--map <theirs=ours>', 'rename a column; repeatable', readMap, new Map())
    .option('--set <ours=text>', 'fill a column; {theirs} stands for a cell', readSet, new Map())
    .option('--skip-unknown', 'leave out columns that are not known', false)
    .option('--skip-blank <theirs>', 'pass over rows in which this column is empty')
    .option('--dry-run', 'tell what would happen and write nothing', false)
    .option('--json', 'answer as JSON', false)
    .addHelpText('after', examples)
    .action((files: string[], options: ImportOptions) => runImport(readConfig(), files, options))
}

/** All files are checked before the first is written, and written in the order in which kinds need one another. */
async function runImport(config: Config, paths: string[], options: ImportOptions): Promise<void> {
  const checked: Checked[] = []
  const stopping = new AbortController()
  void waitForShutdownSignal().then(() => stopping.abort())
  try {
    for (const path of paths) checked.push(await check(path, options))
    const order = (one: Checked) => importKinds.indexOf(one.kind)
    checked.sort((one, other) => order(one) - order(other))
    const settings = { currency: config.currency, dryRun: options.dryRun }
    await withDatabase(config, async (db) => {
      const summaries: Summary[] = []
      for (const one of checked)
        summaries.push(await importOne(db, one, { ...settings, signal: stopping.signal }))
      tell(summaries, options, stopping.signal.aborted)
    })
  } finally {
    await Promise.all(checked.map(({ input }) => input.close()))
  }
}

async function check(path: string, options: ImportOptions): Promise<Checked> {
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

type Running = { currency: string; dryRun: boolean; signal: AbortSignal }

async function importOne(db: Database, one: Checked, running: Running): Promise<Summary> {
  const { input, kind, file } = one
  const rejects = running.dryRun ? noRejects : await openRejects(one.rejectsBase, file)
  const progress = startProgress(`${running.dryRun ? 'Trying' : 'Importing'} ${input.name}`)
  let shown = 0
  try {
    const imported = await importEntries(file, {
      db,
      kind,
      settings: running,
      signal: running.signal,
      progress: (done) => progress.update(done, file.total),
      async reject(entry, reason) {
        if (shown++ < reasonsShown) progress.say(`${input.name} line ${entry.line}: ${reason}`)
        await rejects.add(entry, reason)
      },
    })
    return { file: input.name, kind: kind.name, ...imported, rejects: await rejects.end() }
  } finally {
    progress.end()
    await rejects.end()
  }
}

/** A dry run writes no file either. */
const noRejects: Rejects = { add: async () => undefined, end: async () => null }

function tell(summaries: Summary[], { json, dryRun }: ImportOptions, stopped: boolean): void {
  if (json) print(JSON.stringify({ dry_run: dryRun, stopped, files: summaries }))
  else for (const summary of summaries) print(lineOf(summary, dryRun))
  if (stopped) printError('Stopped. Importing again is harmless: what is in stays as it is.')
  if (stopped) process.exitCode = 1
  else if (summaries.some(({ rejected }) => rejected > 0)) process.exitCode = 2
}

function lineOf(summary: Summary, dryRun: boolean): string {
  const counts = [
    `${summary.created} ${dryRun ? 'would be created' : 'created'}`,
    `${summary.updated} updated`,
    `${summary.unchanged} unchanged`,
  ]
  if (summary.passed_over > 0) counts.push(`${summary.passed_over} passed over`)
  if (summary.rejected > 0)
    counts.push(`${summary.rejected} rejected${summary.rejects ? ` (${summary.rejects})` : ''}`)
  return `${summary.file}, ${summary.kind}: ${counts.join(', ')}`
}
