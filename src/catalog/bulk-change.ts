/** One change of many products or stores, by a statement for each kind of change. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, snapshot, transaction } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { AppError } from '../lib/errors.ts'
import type { CatalogResource, CatalogTable, CatalogTypes } from './catalog-resource.ts'
import { columnChanges, type FieldChange, limitsOf } from './column-changes.ts'
import {
  assertExpected,
  type BulkOptions,
  lockSelected,
  maxSelected,
  type Selection,
  selectedIds,
} from './selection.ts'

type Fields = Record<string, unknown>

export type BulkChange = FieldChange & { remove?: true | undefined }

/** Before and after hold the fields that change; `after` is null when the record is removed. */
type Sample = { id: string; title: string; before: Fields; after: Fields | null }
export type BulkResult = { matched: number; changed: number; sample: Sample[] }

const sampleSize = 10

/** All or nothing. A dry run locks and writes nothing, and fails as the change itself would. */
export function changeSelected<T extends CatalogTypes>(
  db: Database,
  resource: CatalogResource<T>,
  selection: Selection<T>,
  change: BulkChange,
  { expected, dryRun, lint }: BulkOptions,
): Promise<BulkResult> {
  if (dryRun)
    return snapshot(db, async (tx) => {
      const ids = await selectedIds(tx, resource, selection, { max: maxSelected, lint })
      assertExpected(`${resource.name}s`, ids.length, expected)
      return preview(tx, resource, ids, change)
    })
  return transaction(db, async (tx) => {
    const ids = await lockSelected(tx, resource, selection, lint)
    assertExpected(`${resource.name}s`, ids.length, expected)
    const result = await preview(tx, resource, ids, change)
    await apply(tx, resource, ids, change)
    return result
  })
}

async function preview(
  tx: Queryable,
  resource: CatalogTable,
  ids: string[],
  change: BulkChange,
): Promise<BulkResult> {
  if (change.remove) {
    const rows = await tx.execute<{ id: string; title: string }>(sql`
      select t.id, t.title from ${resource.table} t where t.id = any(${textArray(ids.slice(0, sampleSize))}) order by t.id`)
    const sample = rows.map(({ id, title }) => ({ id, title, before: { title }, after: null }))
    return { matched: ids.length, changed: ids.length, sample }
  }
  const changes = columnChanges(resource, change)
  const changed = sql`from ${resource.table} t cross join ${changes.given} d where t.id = any(${textArray(ids)}) and ${changes.differ}`
  await assertWithinLimits(tx, changed, change)
  const [counted] = await tx.execute<{ count: number }>(
    sql`select count(*)::int as count ${changed}`,
  )
  const rows = await tx.execute<{ id: string; title: string; before: Fields; after: Fields }>(sql`
    select t.id, t.title, ${changes.before} as before, ${changes.after} as after ${changed} order by t.id limit ${sampleSize}`)
  return { matched: ids.length, changed: counted?.count ?? 0, sample: rows.map(onlyDifferences) }
}

function onlyDifferences({ id, title, before, after }: Sample & { after: Fields }): Sample {
  const names = Object.keys(after).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  )
  const pick = (fields: Fields) => Object.fromEntries(names.map((name) => [name, fields[name]]))
  return { id, title, before: pick(before), after: pick(after) }
}

const maxTold = 100

/** What the fields of an input may hold, holds for what a change makes of a record too. */
async function assertWithinLimits(tx: Queryable, changed: SQL, change: FieldChange): Promise<void> {
  for (const { field, beyond, found, words } of limitsOf(change)) {
    const rows = await tx.execute<{ id: string; found: string }>(
      sql`select t.id, (${found})::text as found ${changed} and ${beyond} order by t.id limit ${maxTold}`,
    )
    if (rows.length === 0) continue
    throw new AppError(
      'invalid',
      `The change would leave invalid values, for example in "${rows[0]?.id}". Nothing was changed.`,
      rows.map((row) => ({ field, detail: words(row.id, row.found) })),
    )
  }
}

async function apply(
  tx: Queryable,
  resource: CatalogTable,
  ids: string[],
  change: BulkChange,
): Promise<void> {
  const selected = textArray(ids)
  if (change.remove) {
    // By the cascade, each record would remove its links by a statement of its own.
    await tx.execute(
      sql`delete from product_stores l where l.${sql.identifier(resource.links.own)} = any(${selected})`,
    )
    await tx.execute(sql`delete from ${resource.table} t where t.id = any(${selected})`)
    return
  }
  const { names, given, next, differ } = columnChanges(resource, change)
  await tx.execute(sql`
    update ${resource.table} t set (${names}) = row(${next}) from ${given} d
    where t.id = any(${selected}) and ${differ}`)
}
