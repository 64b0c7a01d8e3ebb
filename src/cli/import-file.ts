/** In charge of importing one file that was checked: batch after batch, the next one read while one is written. */
import type { Database } from '../db/connection.ts'
import type { ImportCounts } from '../import-export/import-batch.ts'
import type { ImportBatch, ImportKind, ImportSettings } from '../import-export/import-kinds.ts'
import type { InputRecord, RecordFile } from '../import-export/read-records.ts'
import type { Rejects } from '../import-export/rejects.ts'

export type Imported = ImportCounts & { passed_over: number; rejected: number }

export type Importing = {
  db: Database
  kind: ImportKind
  settings: ImportSettings
  reject: Rejects['add']
  /** Rows that are dealt with. */
  progress: (done: number) => void
  signal: AbortSignal
}

type Load = { batch: ImportBatch; joined: InputRecord[]; rows: number }

/** When the signal is given, the batch under way is finished, and nothing more is begun. */
export async function importEntries(file: RecordFile, work: Importing): Promise<Imported> {
  const imported: Imported = { created: 0, updated: 0, unchanged: 0, passed_over: 0, rejected: 0 }
  let load: Load = { batch: work.kind.begin(), joined: [], rows: 0 }
  let writing = Promise.resolve()
  for await (const entry of file.entries()) {
    await take(imported, work, load, entry)
    if (load.batch.size() < work.kind.rowsAtOnce) continue
    await writing
    if (work.signal.aborted) return imported
    writing = write(imported, work, load)
    // It is awaited above, after more was read: a failure must not count as unhandled until then.
    writing.catch(() => undefined)
    load = { batch: work.kind.begin(), joined: [], rows: load.rows }
  }
  await writing
  if (!work.signal.aborted) await write(imported, work, load)
  return imported
}

async function take(
  imported: Imported,
  work: Importing,
  load: Load,
  entry: InputRecord | null,
): Promise<void> {
  load.rows += entry && 'rows' in entry.source ? entry.source.rows.length : 1
  if (entry === null) {
    imported.passed_over++
    return
  }
  const fault = 'fault' in entry ? entry.fault : load.batch.add(entry.given)
  if (fault === null) load.joined.push(entry)
  else await reject(imported, work, entry, fault)
}

async function reject(imported: Imported, work: Importing, entry: InputRecord, reason: string) {
  imported.rejected++
  await work.reject(entry, reason)
}

async function write(imported: Imported, work: Importing, load: Load): Promise<void> {
  const written = await load.batch.write(work.db, work.settings)
  imported.created += written.created
  imported.updated += written.updated
  imported.unchanged += written.unchanged
  for (const { place, reason } of written.rejected) {
    const entry = load.joined[place]
    if (entry) await reject(imported, work, entry, reason)
  }
  work.progress(load.rows)
}
