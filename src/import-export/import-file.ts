/** Imports a checked file batch by batch; the next batch is read while one is written. */
import { setImmediate as otherWork } from 'node:timers/promises'
import type { Database } from '../db/connection.ts'
import { addCounts, type Emptied, type ImportCounts } from './import-batch.ts'
import type { ImportBatch, ImportKind, ImportSettings } from './import-kinds.ts'
import type { InputRecord, RecordFile } from './read-records.ts'
import type { Rejects } from './rejects.ts'

export type ImportResult = ImportCounts & { skipped: number; rejected: number; emptied: Emptied }

export type ImportJob = {
  db: Database
  kind: ImportKind
  /** Whether only the fields that the file names change. */
  merge: boolean
  settings: ImportSettings
  reject: Rejects['add']
  /** How many rows are done. */
  progress: (done: number) => void
  signal?: AbortSignal
}

/** `rows` counts from the start of the file. */
type PendingBatch = { batch: ImportBatch; records: InputRecord[]; rows: number }

/** After so many records the answers of the database are looked after: to read a batch at once would let it wait. */
const recordsAtOnce = 20

/** When the signal is aborted, the batch in progress is finished and no other is started. */
export async function importFile(file: RecordFile, job: ImportJob): Promise<ImportResult> {
  const counts = { created: 0, updated: 0, unchanged: 0, skipped: 0, rejected: 0 }
  const result: ImportResult = { ...counts, emptied: {} }
  const startBatch = () => job.kind.startBatch(job.merge)
  let pending: PendingBatch = { batch: startBatch(), records: [], rows: 0 }
  let writing = Promise.resolve()
  for await (const record of file.records()) {
    await addRecord(result, job, pending, record)
    if (pending.rows % recordsAtOnce === 0) await otherWork()
    if (pending.batch.size() < job.kind.batchSize) continue
    await writing
    if (job.signal?.aborted) return result
    writing = writeBatch(result, job, pending)
    // Awaited only after more was read: until then a failure must not count as unhandled.
    writing.catch(() => undefined)
    pending = { batch: startBatch(), records: [], rows: pending.rows }
  }
  await writing
  if (!job.signal?.aborted) await writeBatch(result, job, pending)
  return result
}

async function addRecord(
  result: ImportResult,
  job: ImportJob,
  pending: PendingBatch,
  record: InputRecord | null,
): Promise<void> {
  pending.rows += record && 'rows' in record.source ? record.source.rows.length : 1
  if (record === null) {
    result.skipped++
    return
  }
  const error = 'error' in record ? record.error : pending.batch.add(record.value, record.wanted)
  if (error === null) pending.records.push(record)
  else await reject(result, job, record, error)
}

async function reject(result: ImportResult, job: ImportJob, record: InputRecord, reason: string) {
  result.rejected++
  await job.reject(record, reason)
}

async function writeBatch(
  result: ImportResult,
  job: ImportJob,
  pending: PendingBatch,
): Promise<void> {
  const written = await pending.batch.write(job.db, job.settings)
  result.created += written.created
  result.updated += written.updated
  result.unchanged += written.unchanged
  result.emptied = addCounts(result.emptied, written.emptied)
  for (const { index, reason } of written.rejected) {
    const record = pending.records[index]
    if (record) await reject(result, job, record, reason)
  }
  job.progress(pending.rows)
}
