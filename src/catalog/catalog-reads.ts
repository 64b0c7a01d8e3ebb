import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { recordNotFound } from '../lib/errors.ts'
import type { CatalogResource, CatalogTable, CatalogTypes, Listing } from './catalog-resource.ts'
import { sortingBy } from './catalog-sort.ts'
import { hasFinding, type LintSettings } from './lint-rules.ts'

/** A record with its ETag, which changes with its fields and with its links. */
export type Tagged<T> = { record: T; etag: string }

function recordColumns(resource: CatalogTable, withLinks: boolean): SQL {
  const names = ['id', ...Object.keys(resource.defaults)].map(
    (name) => sql`t.${sql.identifier(name)}`,
  )
  if (withLinks) names.push(sql`${linkedIds(resource)} as ${sql.identifier(resource.links.field)}`)
  return sql.join([...names, sql`t.created_at`, sql`t.updated_at`], sql`, `)
}

function linkedIds({ links }: CatalogTable): SQL {
  const other = sql.identifier(links.other)
  return sql`array(select l.${other} from product_stores l where l.${sql.identifier(links.own)} = t.id order by l.${other} collate "C")`
}

type RecordPage<Record> = {
  records: Record[]
  /** Null on the last page. */
  nextCursor: string | null
  /** Of all pages, when asked for. */
  count: number | undefined
  /** By id, when asked for. */
  etags: { [id: string]: string } | undefined
}

/** `matches` is a condition on the row `t`. */
export async function listRecords<T extends CatalogTypes>(
  db: Queryable,
  resource: CatalogResource<T>,
  matches: SQL,
  { limit, cursor, sort = 'id', count: counted, etags: withEtags }: Listing,
): Promise<RecordPage<T['record']>> {
  const sorting = sortingBy(sort)
  const after = cursor === undefined ? sql`true` : sorting.after(cursor)
  const [rows, [counts]] = await Promise.all([
    db.execute<{ id: string; position: string; etag: string | null; record: T['record'] }>(sql`
      select t.id, ${sorting.position} as position, ${withEtags ? etag(resource) : sql`null`} as etag,
        (select row_to_json(r) from (select ${recordColumns(resource, resource.links.listed)}) r) as record
      from ${resource.table} t where ${matches} and ${after}
      order by ${sorting.orderBy} limit ${limit + 1}`),
    counted
      ? db.execute<{ count: number }>(
          sql`select count(*)::int as count from ${resource.table} t where ${matches}`,
        )
      : [],
  ])
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  return {
    records: shown.map(({ record }) => record),
    nextCursor: last ? sorting.cursorOf(last) : null,
    count: counts?.count,
    etags: withEtags
      ? Object.fromEntries(shown.map(({ id, etag }) => [id, etag ?? '']))
      : undefined,
  }
}

/** Of the row `t`: what a list and a change of what matches mean by the filter. */
export function matchesOf<T extends CatalogTypes>(
  resource: CatalogResource<T>,
  filter: T['filter'],
  lint: LintSettings,
): SQL {
  const { finding } = filter
  const found = finding === undefined ? [] : [hasFinding(resource, finding, lint)]
  return sql.join([sql`true`, ...resource.conditions(filter), ...found], sql` and `)
}

/** Of those of the ids that exist. */
export async function readEtags(
  db: Queryable,
  resource: CatalogTable,
  ids: string[],
): Promise<Map<string, string>> {
  const rows = await db.execute<{ id: string; etag: string }>(
    sql`select t.id, ${etag(resource)} as etag from ${resource.table} t where t.id = any(${textArray(ids)})`,
  )
  return new Map(rows.map((row) => [row.id, row.etag]))
}

/** Of the row `t`. */
const etag = (resource: CatalogTable) =>
  sql`t.version || '-' || md5(array_to_string(${linkedIds(resource)}, ','))`

/** Null when there is none. */
export async function findRecord<T>(
  db: Queryable,
  resource: CatalogTable,
  id: string,
): Promise<Tagged<T> | null> {
  const [row] = await db.execute<Tagged<T>>(
    sql`select ${tagged(resource)} from ${resource.table} t where t.id = ${id}`,
  )
  return row ?? null
}

/** The columns of a {@link Tagged} record, of the row `t`. */
export const tagged = (resource: CatalogTable) => sql`
  (select row_to_json(r) from (select ${recordColumns(resource, true)}) r) as record, ${etag(resource)} as etag`

export async function getRecord<T extends CatalogTypes>(
  db: Queryable,
  resource: CatalogResource<T>,
  id: string,
): Promise<Tagged<T['record']>> {
  return (await findRecord<T['record']>(db, resource, id)) ?? recordNotFound(resource.name, id)
}
