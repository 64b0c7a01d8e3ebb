/**
 * Imports that came by REST, in the database, so that any copy of the server can check, apply and show them. Each check and each
 * application is a run; what a run writes counts only as long as no other has taken its place, which Postgres decides.
 */
import { randomUUID } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { type importStatuses, imports } from '../db/schema/imports.ts'
import { AppError, notFound } from '../lib/errors.ts'
import type { ImportResult } from './import-file.ts'
import type { ImportSummary, KindName } from './import-schemas.ts'
import type { RecordChange } from './sample-changes.ts'

type ImportStatus = (typeof importStatuses)[number]

/** `fields` are those that the column fills; none, if it is left out. */
type ImportColumn = { name: string; fields: string[] }

export type ImportFindings = {
  counts: Omit<ImportResult, 'emptied'>
  emptied: ImportResult['emptied']
  /** What the file lacks, with `replace`; else null. */
  lacking: number | null
  columns: ImportColumn[] | null
  changes: RecordChange[]
  /** The first ones. */
  rejected: { line: number; reason: string }[]
  notes: string[]
  /** Of an application that changed something; rows of an earlier release lack it. */
  change_id?: string | null
}

export type StoredImport = {
  id: string
  kind: KindName
  options: ImportSummary['options']
  status: ImportStatus
  rows: number | null
  done: number
  result: ImportFindings | null
  error: string | null
  created_at: string
  expires_at: string
  applied_at: string | null
}

const maxImports = 50
const keptFor = sql`interval '24 hours'`
/** A run writes every ten seconds that it is alive. */
export const touchEveryMs = 10_000
const isDead = sql`touched_at < now() - interval '1 minute'`

const columns = sql`
  id, kind, options, case when status in ('checking', 'applying') and ${isDead} then 'interrupted' else status end as status,
  rows, done, result, error, created_at, created_at + ${keptFor} as expires_at, applied_at`

const recordOf = (where: SQL) =>
  sql`select row_to_json(r) as record from (select ${columns} from ${imports} where ${where}) r`

export async function getImport(db: Queryable, importId: string): Promise<StoredImport> {
  const [row] = await db.execute<{ record: StoredImport }>(recordOf(sql`id = ${importId}`))
  if (!row) throw notFound('import', importId)
  return row.record
}

/** The newest first. */
export async function listImports(db: Queryable): Promise<StoredImport[]> {
  const rows = await db.execute<{ record: StoredImport }>(sql`
    ${recordOf(sql`true`)} order by r.created_at desc, r.id`)
  return rows.map(({ record }) => record)
}

export async function getRejects(db: Queryable, importId: string): Promise<string> {
  const [row] = await db.execute<{ rejects: string | null }>(
    sql`select rejects from ${imports} where id = ${importId}`,
  )
  if (!row) throw notFound('import', importId)
  return row.rejects ?? ''
}

type Given = { kind: KindName; options: object }

/** A run that has begun. */
export type Run = Given & { id: string; run: string }

/** Begins its check. One at a time is counted and added, so that no more are kept than may be. */
export async function addImport(db: Database, given: Given, content: Buffer): Promise<Run> {
  const added = { ...given, id: randomUUID(), run: randomUUID() }
  await transaction(db, async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtext('storefeed.imports'))`)
    await removeExpiredImports(tx)
    const [kept] = await tx.execute<{ count: number }>(
      sql`select count(*)::int as count from ${imports}`,
    )
    if ((kept?.count ?? 0) >= maxImports)
      throw new AppError(
        'conflict',
        `${maxImports} imports are kept, and no more may be: remove one, or wait until the oldest is a day old.`,
      )
    await tx.execute(sql`
      insert into ${imports} (id, kind, options, content, status, run)
      values (${added.id}, ${given.kind}, ${JSON.stringify(given.options)}::jsonb, ${content}, 'checking', ${added.run})`)
  })
  return added
}

/** Of several at once one begins; the others are told what is in the way. */
export function beginCheck(db: Database, importId: string, { kind, options }: Given): Promise<Run> {
  return begin(db, importId, {
    set: sql`status = 'checking', kind = ${kind}, options = ${JSON.stringify(options)}::jsonb, result = null, rejects = null, rows = null`,
    allowed: sql`status in ('checked', 'refused', 'interrupted') or (status in ('checking', 'applying') and ${isDead})`,
  })
}

/** Also again after an interruption: what is written already is unchanged then. */
export function beginApplication(db: Database, importId: string): Promise<Run> {
  return begin(db, importId, {
    set: sql`status = 'applying'`,
    allowed: sql`status = 'checked' or (result is not null and (status = 'interrupted' or (status = 'applying' and ${isDead})))`,
  })
}

async function begin(
  db: Database,
  importId: string,
  { set, allowed }: { set: SQL; allowed: SQL },
): Promise<Run> {
  const run = randomUUID()
  const [begun] = await db.execute<Given>(sql`
    update ${imports} set ${set}, run = ${run}, touched_at = now(), done = 0, error = null
    where id = ${importId} and content is not null and (${allowed})
    returning kind, options`)
  if (begun) return { ...begun, id: importId, run }
  const { status, error } = await getImport(db, importId)
  throw new AppError('conflict', `The import ${inTheWay[status]}${error ? ` ${error}` : ''}`)
}

const inTheWay: Record<ImportStatus, string> = {
  checking: 'is being checked. Wait until its status is "checked".',
  checked: 'is being taken up by another request.',
  refused: 'was refused: correct the file, or check it with other options.',
  applying: 'is being applied.',
  applied: 'is applied already.',
  interrupted: 'was interrupted before its check was complete: check it again.',
}

/** Read when its turn has come: many runs may wait. Null when another run has taken its place. */
export async function readContent(db: Queryable, { id, run }: Run): Promise<Buffer | null> {
  const [row] = await db.execute<{ content: Buffer | null }>(
    sql`select content from ${imports} where id = ${id} and run = ${run}`,
  )
  return row?.content ?? null
}

type End = {
  status: ImportStatus
  rows?: number
  result?: ImportFindings
  rejects?: string
  error?: string
}

/** An applied import keeps its counts, not its file. Returns whether the run was still the one that counts. */
export async function endRun(
  db: Queryable,
  { id, run }: Pick<Run, 'id' | 'run'>,
  { status, rows, result, rejects, error }: End,
): Promise<boolean> {
  const ended = await db.execute(sql`
    update ${imports} set status = ${status}, touched_at = now(), error = ${error ?? null},
      rows = coalesce(${rows ?? null}::int, rows), done = coalesce(${rows ?? null}::int, done),
      result = coalesce(${result ? JSON.stringify(result) : null}::json, result),
      rejects = coalesce(${rejects ?? null}, rejects),
      content = case when ${status} = 'applied' then null else content end,
      applied_at = case when ${status} = 'applied' then now() end
    where id = ${id} and run = ${run} returning id`)
  return ended.length > 0
}

/** Returns false when another run has taken its place, or the import was removed. */
export async function touchRun(
  db: Queryable,
  { id, run }: Pick<Run, 'id' | 'run'>,
  done: number,
): Promise<boolean> {
  const touched = await db.execute(
    sql`update ${imports} set touched_at = now(), done = ${done} where id = ${id} and run = ${run} returning id`,
  )
  return touched.length > 0
}

/** One that is being applied is not: half of it would be left without a word. */
export async function removeImport(db: Queryable, importId: string): Promise<void> {
  const removed = await db.execute(sql`
    delete from ${imports} where id = ${importId} and not (status = 'applying' and not ${isDead}) returning id`)
  if (removed.length > 0) return
  const { status } = await getImport(db, importId)
  throw new AppError('conflict', `The import ${inTheWay[status]}`)
}

export async function removeExpiredImports(db: Queryable): Promise<void> {
  await db.execute(sql`
    delete from ${imports} where created_at < now() - ${keptFor} and (status not in ('checking', 'applying') or ${isDead})`)
}
