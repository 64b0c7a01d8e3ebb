/** Checks and applies stored imports, one after the other in each server, beside the requests that ask for them. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Database } from '../db/connection.ts'
import { changeIdOf, type Recording } from '../db/recording.ts'
import { AppError } from '../lib/errors.ts'
import { semaphore } from '../lib/semaphore.ts'
import { readColumnNames } from './file-head.ts'
import { type ImportJob, importFile } from './import-file.ts'
import type { ImportKind } from './import-kinds.ts'
import { asParameters, type ImportOptions, readOptionsOf } from './import-options.ts'
import type { InputFile } from './input-file.ts'
import { checkFile, type RecordFile } from './read-records.ts'
import { rejectsFormat } from './rejects.ts'
import { planReplacement, type Replacement } from './replace.ts'
import { sampleChanges } from './sample-changes.ts'
import {
  endRun,
  type ImportFindings,
  type Run,
  readContent,
  touchEveryMs,
  touchRun,
} from './stored-imports.ts'
import { uploadedFile } from './uploaded-file.ts'

export type RunDeps = { db: Database; currency: string; log: Pick<Logger, 'error'> }

/** What a run is to do. */
type ImportTask = {
  run: Run
  kind: ImportKind
  options: ImportOptions
  dryRun: boolean
  /** For what is applied. */
  recording?: Recording
}

export type ImportRuns = {
  /** Resolves when the run has ended, or after ten seconds; the run goes on. */
  start: (task: ImportTask) => Promise<void>
  /** Ends what is under way after its batch. */
  stop: () => Promise<void>
}

const maxRows = 100_000
const maxRejects = 10_000
const maxRejectsShown = 50
const answerMs = 10_000
const queueMs = 3_600_000

const stopped = 'The server stopped before the end.'
const replaced = 'Another run took the place of this one.'

export function createImportRuns(deps: RunDeps): ImportRuns {
  const working = new Set<Promise<void>>()
  const stopping = new AbortController()
  const oneAtATime = semaphore(1, queueMs, () => new AppError('unavailable', 'It waited too long.'))

  async function work(task: ImportTask): Promise<void> {
    const watch = watchRun(deps, task.run, stopping.signal)
    try {
      await oneAtATime(() => perform(deps, task, watch))
    } catch (error) {
      deps.log.error({ err: error, import: task.run.id }, 'an import could not be recorded')
    } finally {
      watch.end()
    }
  }

  return {
    async start(task) {
      const running = work(task)
      working.add(running)
      void running.then(() => working.delete(running))
      const waiting = new AbortController()
      await Promise.race([
        running,
        delay(answerMs, undefined, { signal: waiting.signal, ref: false }).catch(() => undefined),
      ])
      waiting.abort()
    },
    async stop() {
      stopping.abort()
      await Promise.all(working)
    },
  }
}

type Watch = { signal: AbortSignal; progress: (done: number) => void; end: () => void }

/** Says that the run is alive and how far it is, and stops it when another has taken its place. */
function watchRun({ db }: RunDeps, run: Run, stopping: AbortSignal): Watch {
  const lost = new AbortController()
  let done = 0
  const touch = () =>
    touchRun(db, run, done).then(
      (isOurs) => {
        if (!isOurs) lost.abort(replaced)
      },
      // The database is away: the run itself fails of it, or goes on.
      () => undefined,
    )
  const timer = setInterval(() => void touch(), touchEveryMs)
  return {
    signal: AbortSignal.any([stopping, lost.signal]),
    progress(now) {
      done = now
      void touch()
    },
    end: () => clearInterval(timer),
  }
}

/** Records how the run ended, whatever happened. */
async function perform(deps: RunDeps, task: ImportTask, watch: Watch): Promise<void> {
  const { db, log } = deps
  const { run, dryRun, options } = task
  let input: InputFile | undefined
  try {
    const content = await readContent(db, run)
    if (content === null) return
    input = await uploadedFile(content, options.encoding)
    const { findings, rows, rejects } = await runFile(deps, task, input, watch)
    const status = dryRun ? 'checked' : 'applied'
    await endRun(db, run, { status, rows, result: findings, rejects })
  } catch (error) {
    if (error instanceof AppError && dryRun && error.code !== 'unavailable') {
      const refused = { result: await findingsOfRefused(input, options), rejects: '' }
      await endRun(db, run, { status: 'refused', error: asParameters(error.message), ...refused })
      return
    }
    if (!(error instanceof AppError)) log.error({ err: error, import: run.id }, 'an import failed')
    const why = error instanceof AppError ? asParameters(error.message) : unexpected
    await endRun(db, run, { status: 'interrupted', error: why })
  }
}

const unexpected = 'The import failed. See the log of the server.'

async function findingsOfRefused(
  input: InputFile | undefined,
  { delimiter }: ImportOptions,
): Promise<ImportFindings> {
  const names = input ? await readColumnNames(input, delimiter).catch(() => null) : null
  const counts = { created: 0, updated: 0, unchanged: 0, skipped: 0, rejected: 0 }
  const columns = names?.map((name) => ({ name, fields: [] })) ?? null
  return { counts, emptied: {}, lacking: null, columns, changes: [], rejected: [], notes: [] }
}

type Finished = { findings: ImportFindings; rows: number; rejects: string }

async function runFile(
  { db: unrecorded, currency }: RunDeps,
  { kind, options, dryRun, recording }: ImportTask,
  input: InputFile,
  watch: Watch,
): Promise<Finished> {
  const db = recording ? unrecorded.recorded(recording) : unrecorded
  const { merge } = options
  const schema = (merge ? kind.mergeSchema : null) ?? kind.schema
  const file = await checkFile(
    input,
    { ...kind, schema },
    readOptionsOf(options, currency),
    assertFew,
  )
  const replacement = options.replace
    ? await planReplacement(db, file, kind, { ...options, of: options.of })
    : undefined
  const sample = sampleChanges(kind.name)
  const rejects = collectRejects(file)
  const settings = { currency, dryRun, ...(dryRun && { observe: sample.observe }) }
  const { progress, signal } = watch
  const job = { db, kind, merge, settings, progress, signal, reject: rejects.add }
  const { emptied, ...counts } = await importFile(file, job)
  if (signal.aborted)
    throw new AppError('conflict', signal.reason === replaced ? replaced : stopped)
  const lacking = await applyReplacement(replacement, dryRun)
  const { columns } = file
  const { shown: rejected } = rejects
  const findings = {
    counts,
    emptied,
    lacking,
    columns,
    changes: sample.changes(),
    rejected,
    notes: input.notes,
    change_id: recording ? changeIdOf(recording) : null,
  }
  return { findings, rows: file.total, rejects: rejects.text() }
}

async function applyReplacement(replacement: Replacement | undefined, dryRun: boolean) {
  if (!replacement) return null
  return dryRun ? replacement.count : replacement.apply()
}

function assertFew(rows: number): void {
  if (rows > maxRows)
    throw new AppError(
      'invalid',
      `The file has more than ${maxRows.toLocaleString('en')} rows: divide it, or use the command "storefeed import".`,
    )
}

/** The first ones as a file that can be corrected and imported as it is; all are counted. */
function collectRejects(file: RecordFile) {
  const { head, format } = rejectsFormat(file)
  const texts: string[] = []
  const shown: ImportFindings['rejected'] = []
  const add: ImportJob['reject'] = async (record, reason) => {
    if (texts.length < maxRejects) texts.push(format(record, reason))
    if (shown.length < maxRejectsShown) shown.push({ line: record.line, reason })
  }
  return { add, shown, text: () => (texts.length > 0 ? head + texts.join('') : '') }
}
