/** Set-based counterparts of PATCH for imports, and what a write would empty. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { groupBy } from '../lib/group-by.ts'
import { assertLinksExist, replaceLinks } from './availability.ts'
import type { CatalogInput, CatalogTable } from './catalog-resource.ts'

type Fields = Record<string, unknown>
export type CatalogPatch = CatalogInput & Fields

/**
 * Changes only the fields that each patch names: null sets one back to its default, metadata is merged key by key. The
 * records must exist, each id once. Returns those that changed.
 */
export async function mergeRecords(
  tx: Queryable,
  resource: CatalogTable,
  patches: CatalogPatch[],
): Promise<Set<string>> {
  await assertLinksExist(tx, resource, patches, true)
  const changed = new Set(await replaceLinks(tx, resource, patches))
  const named = (patch: CatalogPatch) =>
    Object.keys(resource.defaults).filter((column) => patch[column] !== undefined)
  for (const group of groupBy(patches, (patch) => named(patch).join()).values()) {
    const columns = group[0] ? named(group[0]) : []
    if (columns.length === 0) continue
    const rows = group.map((patch) => ({
      id: patch.id,
      ...Object.fromEntries(
        columns.map((column) => [column, patch[column] ?? resource.defaults[column]]),
      ),
    }))
    const cleared = group.filter((patch) => patch.metadata === null).map(({ id }) => id)
    const list = (of: (column: string) => SQL) => sql.join(columns.map(of), sql`, `)
    const next = list((column) =>
      column === 'metadata'
        ? sql`case when d.id in (select jsonb_array_elements_text(${JSON.stringify(cleared)}::jsonb)) then '{}' else jsonb_strip_nulls(t.metadata || d.metadata) end`
        : sql`d.${sql.identifier(column)}`,
    )
    const updated = await tx.execute<{ id: string }>(sql`
      update ${resource.table} t set (${list((column) => sql.identifier(column).getSQL())}) = row(${next})
      from jsonb_populate_recordset(null::${resource.table}, ${JSON.stringify(rows)}::jsonb) d
      where t.id = d.id and (${list((column) => sql`t.${sql.identifier(column)}`)}) is distinct from (${next})
      returning t.id`)
    for (const { id } of updated) changed.add(id)
  }
  return changed
}

/**
 * In how many records a write of the inputs would set a field back to its default because they do not say it; only
 * fields that they name when they are `patches`.
 */
export async function countEmptied(
  tx: Queryable,
  resource: CatalogTable,
  inputs: CatalogInput[],
  patches: boolean,
): Promise<Record<string, number>> {
  const fields = Object.keys(resource.defaults).map((column) => {
    const name = sql.identifier(column)
    const isNamed = patches ? sql`i.input ? ${column}::text and` : sql``
    const empties =
      column === 'metadata'
        ? lostKeys(patches)
        : sql`i.input ->> ${column}::text is null and t.${name} is distinct from z.${name}`
    return sql`(${column}::text, ${isNamed} ${empties})`
  })
  const rows = await tx.execute<{ field: string; count: number }>(sql`
    select e.field, count(*)::int as count
    from jsonb_array_elements(${JSON.stringify(inputs)}::jsonb) as i(input)
    join ${resource.table} t on t.id = i.input ->> 'id'
    cross join jsonb_populate_record(null::${resource.table}, ${JSON.stringify(resource.defaults)}::jsonb) z
    cross join lateral (values ${sql.join(fields, sql`, `)}) as e(field, emptied)
    where e.emptied group by 1 order by 1`)
  return Object.fromEntries(rows.map(({ field, count }) => [field, count]))
}

const given = sql`coalesce(nullif(i.input -> 'metadata', 'null'), '{}')`

const lostKeys = (patches: boolean) =>
  patches
    ? sql`(t.metadata ?| array(select m.key from jsonb_each(${given}) m where m.value = 'null') or (i.input ->> 'metadata' is null and t.metadata <> '{}'))`
    : sql`t.metadata - array(select jsonb_object_keys(${given})) <> '{}'`
