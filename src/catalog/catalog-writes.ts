/** Writes of products and stores, each one transaction. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { postgresError } from '../db/postgres-error.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import { mergePatch } from '../lib/merge-patch.ts'
import { errorMap } from '../lib/validation.ts'
import { assertLinksExist, replaceLinks } from './availability.ts'
import { findRecord, getRecord, type Tagged, tagged } from './catalog-reads.ts'
import type {
  CatalogInput,
  CatalogResource,
  CatalogTable,
  CatalogTypes,
} from './catalog-resource.ts'

/** The ETags of If-Match, one of which the record must have; `*` means any record at all. */
export type IfMatch = readonly string[] | undefined
type Fields = Record<string, unknown>
/** The rows that were written: `updated` ones in their fields or in their links. */
type Written = { created: Set<string>; updated: Set<string> }

/** A conflict when the id is taken by a product or a store. */
export function createRecord<T extends CatalogTypes>(
  db: Database,
  resource: CatalogResource<T>,
  input: T['input'],
): Promise<Tagged<T['record']>> {
  return transaction(db, (tx) => writeInput(tx, resource, input, sql``))
}

/**
 * Creates or replaces a record: fields that the input leaves out take their defaults, links that it
 * leaves out stay. An input that changes nothing writes nothing.
 */
export function saveRecord<T extends CatalogTypes>(
  db: Database,
  resource: CatalogResource<T>,
  input: T['input'],
  ifMatch?: IfMatch,
): Promise<Tagged<T['record']> & { created: boolean }> {
  return transaction(db, async (tx) => {
    if (ifMatch) await lockRecord(tx, resource, input.id, ifMatch)
    return writeInput(tx, resource, input, orUpdate(resource))
  })
}

/** All or nothing. */
export async function saveRecords<T extends CatalogTypes>(
  db: Database,
  resource: CatalogResource<T>,
  inputs: T['input'][],
): Promise<{ created: number; updated: number; unchanged: number }> {
  assertDistinct(resource, inputs)
  return transaction(db, (tx) => writeRecords(tx, resource, inputs))
}

export function assertDistinct(resource: CatalogTable, inputs: CatalogInput[]): void {
  const seen = new Set<string>()
  const repeated = inputs.findIndex(({ id }) => seen.size === seen.add(id).size)
  if (repeated < 0) return
  const field = `${resource.name}s.${repeated}.id`
  throw new AppError('invalid', 'A batch may hold each id only once.', [
    { field, detail: `"${inputs[repeated]?.id}" is already used earlier in the batch` },
  ])
}

/** Part of the caller's transaction, which cannot go on after an error; `inputs` must not repeat an id. */
export async function writeRecords<T extends CatalogTypes>(
  tx: Queryable,
  resource: CatalogResource<T>,
  inputs: T['input'][],
): Promise<{ created: number; updated: number; unchanged: number }> {
  const written = await writeInputs(tx, resource, inputs)
  const [created, updated] = [written.created.size, written.updated.size]
  return { created, updated, unchanged: inputs.length - created - updated }
}

/** Merges `patch` into the record as RFC 7396 says, under the record's lock. */
export function patchRecord<T extends CatalogTypes>(
  db: Database,
  resource: CatalogResource<T>,
  id: string,
  patch: Fields,
  ifMatch?: IfMatch,
): Promise<Tagged<T['record']>> {
  return transaction(db, async (tx) => {
    const record = await lockRecord<Fields>(tx, resource, id, ifMatch)
    const columns = ['id', ...Object.keys(resource.defaults)].map((column) => [
      column,
      record[column],
    ])
    const merged = mergePatch(Object.fromEntries(columns), patch)
    const input = resource.input.parse(merged, { error: errorMap })
    return writeInput(tx, resource, input, orUpdate(resource))
  })
}

/** Its links go with it. */
export function removeRecord(
  db: Database,
  resource: CatalogTable,
  id: string,
  ifMatch?: IfMatch,
): Promise<void> {
  return transaction(db, async (tx) => {
    await lockRecord(tx, resource, id, ifMatch)
    await tx.execute(sql`delete from ${resource.table} where id = ${id}`)
  })
}

/**
 * Locks the row until the transaction ends, against other writers and against new links to it; the
 * read after it sees what they committed.
 */
async function lockRecord<T>(
  tx: Queryable,
  resource: CatalogTable,
  id: string,
  ifMatch: IfMatch,
): Promise<T> {
  await tx.execute(sql`select from ${resource.table} where id = ${id} for update`)
  const found = await findRecord<T>(tx, resource, id)
  if (ifMatch && !(found && (ifMatch.includes('*') || ifMatch.includes(found.etag)))) {
    throw new AppError(
      'precondition_failed',
      `The ${resource.name} "${id}" no longer has an ETag named in If-Match: read it again.`,
    )
  }
  return found?.record ?? recordNotFound(resource.name, id)
}

const columnNames = (resource: CatalogTable) =>
  Object.keys(resource.defaults).map((column) => sql.identifier(column))

/** Does not touch a row, its version included, when nothing would change. */
function orUpdate(resource: CatalogTable): SQL {
  const columns = columnNames(resource)
  const current = sql.join(
    columns.map((column) => sql`t.${column}`),
    sql`, `,
  )
  const excluded = sql.join(
    columns.map((column) => sql`excluded.${column}`),
    sql`, `,
  )
  return sql`on conflict (id) do update set (${sql.join(columns, sql`, `)}) = row(${excluded}) where (${current}) is distinct from (${excluded})`
}

/** A row that was written is the record, unless its links were replaced after. */
async function writeInput<T extends CatalogTypes>(
  tx: Queryable,
  resource: CatalogResource<T>,
  input: T['input'],
  conflict: SQL,
): Promise<Tagged<T['record']> & { created: boolean }> {
  try {
    await assertLinksExist(tx, resource, [input], false)
    const [row] = await insertRows<Tagged<T['record']>>(
      tx,
      resource,
      [input],
      conflict,
      sql`, ${tagged(resource)}`,
    )
    const isRelinked = input[resource.links.field] !== undefined
    await replaceLinks(tx, resource, [input])
    const { record, etag } = row && !isRelinked ? row : await getRecord(tx, resource, input.id)
    return { record, etag, created: row?.created ?? false }
  } catch (error) {
    throw conflictOf(error, resource) ?? error
  }
}

async function writeInputs<T extends CatalogTypes>(
  tx: Queryable,
  resource: CatalogResource<T>,
  inputs: T['input'][],
): Promise<Written> {
  try {
    await assertLinksExist(tx, resource, inputs, true)
    const rows = await insertRows(tx, resource, inputs, orUpdate(resource), sql``)
    const relinked = await replaceLinks(tx, resource, inputs)
    const created = new Set(rows.filter((row) => row.created).map((row) => row.id))
    const updated = new Set([...rows.map((row) => row.id), ...relinked])
    return { created, updated: new Set([...updated].filter((id) => !created.has(id))) }
  } catch (error) {
    throw conflictOf(error, resource, inputs) ?? error
  }
}

/** In the order of ids, so that two batches with the same ids cannot deadlock. Returns the rows that were written. */
function insertRows<More extends object>(
  tx: Queryable,
  resource: CatalogTable,
  inputs: CatalogInput[],
  conflict: SQL,
  more: SQL,
): Promise<({ id: string; created: boolean } & More)[]> {
  const rows = inputs.map((input) => ({ id: input.id, ...withDefaults(resource, input) }))
  const columns = sql.join([sql`id`, ...columnNames(resource)], sql`, `)
  return tx.execute(sql`
    insert into ${resource.table} as t (${columns})
    select ${columns} from jsonb_populate_recordset(null::${resource.table}, ${JSON.stringify(rows)}::jsonb) order by id
    ${conflict}
    returning t.id, t.xmax = 0 as created${more}`)
}

function withDefaults(resource: CatalogTable, input: Fields): Fields {
  return Object.fromEntries(
    Object.entries(resource.defaults).map(([column, value]) => [column, input[column] ?? value]),
  )
}

/**
 * A taken id, recognized by the constraint; Postgres names the id in the error's detail. In a batch
 * the field names the index.
 */
function conflictOf(
  error: unknown,
  resource: CatalogTable,
  batch?: CatalogInput[],
): AppError | undefined {
  const cause = postgresError(error)
  if (cause?.code !== '23505') return undefined
  const id = /\(id\)=\((.*)\)/.exec(cause.detail ?? '')?.[1] ?? ''
  const index = batch?.findIndex((input) => input.id === id)
  const holder = cause.constraint === 'catalog_ids_pkey' ? resource.links.otherName : resource.name
  const why =
    holder === resource.name
      ? ''
      : ' Products and stores share one catalog in Klaviyo, so no id may be used by both.'
  return new AppError('conflict', `The id "${id}" is already used by a ${holder}.${why}`, [
    {
      field: batch ? `${resource.name}s.${index}.id` : 'id',
      detail: `"${id}" is used by a ${holder}`,
    },
  ])
}
