/** `storefeed import`: products, stores, customers and history from files. */
import type { Command } from 'commander'
import type { Config } from '../config.ts'
import type { Database } from '../db/connection.ts'
import { type Recording, startRecording } from '../db/recording.ts'
import { type ImportResult, importFile } from '../import-export/import-file.ts'
import { type ImportKind, importKinds } from '../import-export/import-kinds.ts'
import { readOptionsOf } from '../import-export/import-options.ts'
import { type InputFile, openInput } from '../import-export/input-file.ts'
import { checkFile, type RecordFile } from '../import-export/read-records.ts'
import { openRejects, type Rejects } from '../import-export/rejects.ts'
import { planReplacement, type Replacement } from '../import-export/replace.ts'
import { AppError } from '../lib/errors.ts'
import { addImportOptions, type CommandOptions, kindOf } from './import-options.ts'
import { withDatabase } from './open-database.ts'
import { startProgress } from './progress.ts'
import { print, printError, waitForShutdownSignal } from './terminal.ts'

type CheckedFile = {
  input: InputFile
  kind: ImportKind
  file: RecordFile
  rejectsBase: string
  /** All transactions of a file are one change. */
  recording: Recording
}
type Summary = ImportResult & {
  file: string
  kind: string
  rejects: string | null
  /** What the file lacks, with --replace. */
  unpublished?: number
  removed?: number
  notes: string[]
}

const maxShownReasons = 10

export function importCommand(program: Command, readConfig: () => Config): void {
  const command = program
    .command('import')
    .description('Import products, stores, availability, customers, orders or visits from files')
    .argument('<files...>', 'CSV or NDJSON, plain or gzip; - is standard input')
  addImportOptions(command).action((files: string[], options: CommandOptions) =>
    runImport(readConfig(), files, options),
  )
}

/** Checks all files before it writes the first, and writes them in the order in which their kinds depend on one another. */
async function runImport(config: Config, paths: string[], options: CommandOptions): Promise<void> {
  const checked: CheckedFile[] = []
  const stopping = new AbortController()
  void waitForShutdownSignal().then(() => stopping.abort())
  try {
    for (const path of paths) checked.push(await check(path, options, config.currency))
    if (options.replace) assertOneFileOfAKind(checked)
    const rank = (one: CheckedFile) => importKinds.indexOf(one.kind)
    checked.sort((one, other) => rank(one) - rank(other))
    const run = { currency: config.currency, signal: stopping.signal, options }
    await withDatabase(config, async (db) => {
      const plans = new Map<CheckedFile, Replacement>()
      for (const one of options.replace ? checked : [])
        plans.set(
          one,
          await planReplacement(db.recorded(one.recording), one.file, one.kind, {
            ...options,
            of: options.of,
          }),
        )
      const summaries: Summary[] = []
      for (const one of checked)
        summaries.push(await importOne(db.recorded(one.recording), one, run, plans.get(one)))
      report(summaries, options, stopping.signal.aborted)
    })
  } finally {
    await Promise.all(checked.map(({ input }) => input.close()))
  }
}

/** Each of two files would unpublish what only the other holds. */
function assertOneFileOfAKind(checked: CheckedFile[]): void {
  const kinds = checked.map(({ kind }) => kind)
  if (new Set(kinds).size < kinds.length)
    throw new AppError('invalid', '--replace takes one file of a kind: what it lacks goes.')
}

async function check(
  path: string,
  options: CommandOptions,
  currency: string,
): Promise<CheckedFile> {
  const kind = kindOf(path, options)
  const input = await openInput(path, options.encoding)
  for (const note of input.notes) printError(`${note}.`)
  const progress = startProgress(`Checking ${input.name}`)
  try {
    const schema = (options.merge ? kind.mergeSchema : null) ?? kind.schema
    const readOptions = readOptionsOf(options, currency)
    const file = await checkFile(input, { ...kind, schema }, readOptions, (done) =>
      progress.update(done, null),
    )
    const author = { via: 'import', keyId: null, name: null, file: input.name } as const
    const rejectsBase = path === '-' ? 'import' : path
    return { input, kind, file, rejectsBase, recording: startRecording(author) }
  } catch (error) {
    await input.close()
    throw error
  } finally {
    progress.end()
  }
}

type Run = { currency: string; signal: AbortSignal; options: CommandOptions }

async function importOne(
  db: Database,
  checked: CheckedFile,
  { currency, signal, options }: Run,
  replacement: Replacement | undefined,
): Promise<Summary> {
  const { input, kind, file } = checked
  const { dryRun, merge } = options
  const rejects = dryRun ? noRejects : await openRejects(checked.rejectsBase, file)
  const progress = startProgress(`${dryRun ? 'Trying' : 'Importing'} ${input.name}`)
  let shownReasons = 0
  try {
    const result = await importFile(file, {
      db,
      kind,
      merge,
      settings: { currency, dryRun },
      signal,
      progress: (done) => progress.update(done, file.total),
      async reject(record, reason) {
        if (shownReasons++ < maxShownReasons)
          progress.say(`${input.name} line ${record.line}: ${reason}`)
        await rejects.add(record, reason)
      },
    })
    const lacking = dryRun || signal.aborted ? replacement?.count : await replacement?.apply()
    const word = options.remove || kind.name === 'availability' ? 'removed' : 'unpublished'
    return {
      file: input.name,
      kind: kind.name,
      ...result,
      ...(lacking !== undefined && !signal.aborted && { [word]: lacking }),
      rejects: await rejects.end(),
      notes: input.notes,
    }
  } finally {
    progress.end()
    await rejects.end()
  }
}

/** A dry run writes no rejects file. */
const noRejects: Rejects = { add: async () => undefined, end: async () => null }

function report(summaries: Summary[], { json, dryRun }: CommandOptions, stopped: boolean): void {
  if (json) print(JSON.stringify({ dry_run: dryRun, stopped, files: summaries }))
  else for (const summary of summaries) print(formatSummary(summary, dryRun))
  if (stopped)
    printError('Stopped. You can import the same files again: what is in the database stays.')
  if (stopped) process.exitCode = 1
  else if (summaries.some(({ rejected }) => rejected > 0)) process.exitCode = 2
}

function formatSummary(summary: Summary, dryRun: boolean): string {
  const would = dryRun ? 'would be ' : ''
  const counts = [
    `${summary.created} ${would}created`,
    `${summary.updated} updated`,
    `${summary.unchanged} unchanged`,
  ]
  if (summary.unpublished !== undefined) counts.push(`${summary.unpublished} ${would}unpublished`)
  if (summary.removed !== undefined) counts.push(`${summary.removed} ${would}removed`)
  if (summary.skipped > 0) counts.push(`${summary.skipped} skipped`)
  if (summary.rejected > 0)
    counts.push(`${summary.rejected} rejected${summary.rejects ? ` (${summary.rejects})` : ''}`)
  const emptied = Object.entries(summary.emptied).map(([field, count]) => `${field} in ${count}`)
  const lost =
    emptied.length > 0
      ? `\n  ${would}emptied, since the file does not say them (--merge keeps them): ${emptied.join(', ')}`
      : ''
  return `${summary.file}, ${summary.kind}: ${counts.join(', ')}${lost}`
}
