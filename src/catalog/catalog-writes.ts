/** In charge of writing the catalog: products and stores by one set of functions, each write one transaction. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { postgresError } from '../db/postgres-error.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import { mergePatch } from '../lib/merge-patch.ts'
import { assertLinksExist, replaceLinks } from './availability.ts'
import { findRecord, getRecord, type Tagged } from './catalog-reads.ts'
import type {
  CatalogFilter,
  CatalogInput,
  CatalogResource,
  CatalogTable,
} from './catalog-resource.ts'

/** The ETags of If-Match, one of which the record must have; `*` means any record at all. */
export type IfMatch = readonly string[] | undefined
type Fields = Record<string, unknown>
/** The rows that were written: `updated` ones in their fields or in their links. */
type Written = { created: Set<string>; updated: Set<string> }

/** Refused as a conflict when the id is taken, by a record of either kind. */
export function createRecord<R, D extends CatalogInput, F extends CatalogFilter>(
  db: Database,
  kind: CatalogResource<R, D, F>,
  draft: D,
): Promise<Tagged<R>> {
  return transaction(db, async (tx) => {
    await writeDrafts(tx, kind, [draft], sql``)
    return getRecord(tx, kind, draft.id)
  })
}

/**
 * Makes or replaces a record: fields that the draft leaves out take their defaults, links that it
 * leaves out stay. A draft that changes nothing writes nothing.
 */
export function saveRecord<R, D extends CatalogInput, F extends CatalogFilter>(
  db: Database,
  kind: CatalogResource<R, D, F>,
  draft: D,
  ifMatch?: IfMatch,
): Promise<Tagged<R> & { created: boolean }> {
  return transaction(db, async (tx) => {
    if (ifMatch) await lockRecord(tx, kind, draft.id, ifMatch)
    const { created } = await writeDrafts(tx, kind, [draft], orUpdate(kind))
    return { ...(await getRecord(tx, kind, draft.id)), created: created.size > 0 }
  })
}

/** All or nothing; the counts tell what each draft came to. */
export async function saveRecords<R, D extends CatalogInput, F extends CatalogFilter>(
  db: Database,
  kind: CatalogResource<R, D, F>,
  drafts: D[],
): Promise<{ created: number; updated: number; unchanged: number }> {
  const repeated = drafts.findIndex(
    (draft, place) => drafts.findIndex((other) => other.id === draft.id) < place,
  )
  if (repeated >= 0) {
    const field = `${kind.name}s.${repeated}.id`
    throw new AppError('invalid', 'A batch may name each id once.', [
      { field, detail: `"${drafts[repeated]?.id}" stands earlier in the batch too` },
    ])
  }
  return transaction(db, (tx) => writeRecords(tx, kind, drafts))
}

/** Part of the caller's transaction, which a refusal leaves in ruins; no id may stand twice. */
export async function writeRecords<R, D extends CatalogInput, F extends CatalogFilter>(
  tx: Queryable,
  kind: CatalogResource<R, D, F>,
  drafts: D[],
): Promise<{ created: number; updated: number; unchanged: number }> {
  const written = await writeDrafts(tx, kind, drafts, orUpdate(kind), true)
  const [created, updated] = [written.created.size, written.updated.size]
  return { created, updated, unchanged: drafts.length - created - updated }
}

/** Merges `patch` into the record as RFC 7396 says, under the record's lock. */
export function patchRecord<R, D extends CatalogInput, F extends CatalogFilter>(
  db: Database,
  kind: CatalogResource<R, D, F>,
  id: string,
  patch: Fields,
  ifMatch?: IfMatch,
): Promise<Tagged<R>> {
  return transaction(db, async (tx) => {
    const record = await lockRecord<Fields>(tx, kind, id, ifMatch)
    const columns = ['id', ...Object.keys(kind.defaults)].map((column) => [column, record[column]])
    await writeDrafts(
      tx,
      kind,
      [kind.input.parse(mergePatch(Object.fromEntries(columns), patch))],
      orUpdate(kind),
    )
    return getRecord(tx, kind, id)
  })
}

/** Its links go with it. */
export function removeRecord(
  db: Database,
  kind: CatalogTable,
  id: string,
  ifMatch?: IfMatch,
): Promise<void> {
  return transaction(db, async (tx) => {
    await lockRecord(tx, kind, id, ifMatch)
    await tx.execute(sql`delete from ${kind.table} where id = ${id}`)
  })
}

/**
 * Holds the row until the transaction ends, against other writers and against new links to it; what
 * is read after that is what they left.
 */
async function lockRecord<T>(
  tx: Queryable,
  kind: CatalogTable,
  id: string,
  ifMatch: IfMatch,
): Promise<T> {
  await tx.execute(sql`select from ${kind.table} where id = ${id} for update`)
  const found = await findRecord<T>(tx, kind, id)
  if (ifMatch && !(found && (ifMatch.includes('*') || ifMatch.includes(found.etag)))) {
    throw new AppError(
      'precondition_failed',
      `The ${kind.name} "${id}" is not the one named by If-Match any more: read it again.`,
    )
  }
  return found?.record ?? recordNotFound(kind.name, id)
}

const columnNames = (kind: CatalogTable) =>
  Object.keys(kind.defaults).map((column) => sql.identifier(column))

/** Leaves a row alone, version and all, when the draft says what it says already. */
function orUpdate(kind: CatalogTable): SQL {
  const columns = columnNames(kind)
  const now = sql.join(
    columns.map((column) => sql`t.${column}`),
    sql`, `,
  )
  const excluded = sql.join(
    columns.map((column) => sql`excluded.${column}`),
    sql`, `,
  )
  return sql`on conflict (id) do update set (${sql.join(columns, sql`, `)}) = row(${excluded}) where (${now}) is distinct from (${excluded})`
}

/** Rows go in by id, so two batches of the same ids wait for each other in one direction. */
async function writeDrafts<R, D extends CatalogInput, F extends CatalogFilter>(
  tx: Queryable,
  kind: CatalogResource<R, D, F>,
  drafts: D[],
  conflict: SQL,
  batch = false,
): Promise<Written> {
  await assertLinksExist(tx, kind, drafts, batch)
  const rows = drafts.map((draft) => ({ id: draft.id, ...withDefaults(kind, draft) }))
  const columns = sql.join([sql`id`, ...columnNames(kind)], sql`, `)
  try {
    const rowsWritten = await tx.execute<{ id: string; created: boolean }>(sql`
      insert into ${kind.table} as t (${columns})
      select ${columns} from jsonb_populate_recordset(null::${kind.table}, ${JSON.stringify(rows)}::jsonb) order by id
      ${conflict}
      returning id, xmax = 0 as created`)
    const relinked = await replaceLinks(tx, kind, drafts)
    const created = new Set(rowsWritten.filter((row) => row.created).map((row) => row.id))
    const updated = new Set([...rowsWritten.map((row) => row.id), ...relinked])
    return { created, updated: new Set([...updated].filter((id) => !created.has(id))) }
  } catch (error) {
    throw conflictOf(error, kind, batch ? drafts : undefined) ?? error
  }
}

function withDefaults(kind: CatalogTable, draft: Fields): Fields {
  return Object.fromEntries(
    Object.entries(kind.defaults).map(([column, value]) => [column, draft[column] ?? value]),
  )
}

/**
 * A taken id, told by the constraint that found it; the id stands in what Postgres says of the key.
 * Of a batch, the field names the place.
 */
function conflictOf(
  error: unknown,
  kind: CatalogTable,
  batch?: CatalogInput[],
): AppError | undefined {
  const found = postgresError(error)
  if (found?.code !== '23505') return undefined
  const id = /\(id\)=\((.*)\)/.exec(found.detail ?? '')?.[1] ?? ''
  const place = batch?.findIndex((draft) => draft.id === id)
  const holder = found.constraint === 'catalog_ids_pkey' ? kind.links.otherName : kind.name
  const why =
    holder === kind.name
      ? ''
      : ' Products and stores share one catalog in Klaviyo, so no id may be used by both.'
  return new AppError('conflict', `The id "${id}" is used by a ${holder} already.${why}`, [
    { field: batch ? `${kind.name}s.${place}.id` : 'id', detail: `"${id}" is used by a ${holder}` },
  ])
}
