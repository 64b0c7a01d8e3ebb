import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { recordNotFound } from '../lib/errors.ts'
import { type Page, readCursor, writeCursor } from '../lib/pagination.ts'
import type { CatalogResource, CatalogTable, CatalogTypes } from './catalog-resource.ts'

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

/** Records in the order of their ids, with the cursor of the next page, null on the last. */
export async function listRecords<T extends CatalogTypes>(
  db: Queryable,
  resource: CatalogResource<T>,
  filter: T['filter'],
  page: Page,
): Promise<{ records: T['record'][]; nextCursor: string | null }> {
  const conditions = [sql`true`, ...resource.conditions(filter)]
  if (page.cursor !== undefined) conditions.push(sql`t.id > ${readCursor(page.cursor)}`)
  const rows = await db.execute<{ record: T['record'] }>(sql`
    select row_to_json(r) as record
    from (
      select ${recordColumns(resource, resource.links.listed)} from ${resource.table} t
      where ${sql.join(conditions, sql` and `)}
      order by t.id limit ${page.limit + 1}
    ) r`)
  const records = rows.slice(0, page.limit).map((row) => row.record)
  const last = rows.length > page.limit ? records.at(-1) : undefined
  return { records, nextCursor: last ? writeCursor(last.id) : null }
}

/** Null when there is none. */
export async function findRecord<T>(
  db: Queryable,
  resource: CatalogTable,
  id: string,
): Promise<Tagged<T> | null> {
  const [row] = await db.execute<{ record: T; etag: string }>(sql`
    select row_to_json(r) as record, v.version || '-' || md5(array_to_string(r.${sql.identifier(resource.links.field)}, ',')) as etag
    from (select ${recordColumns(resource, true)} from ${resource.table} t where t.id = ${id}) r
    join ${resource.table} v on v.id = r.id`)
  return row ?? null
}

export async function getRecord<T extends CatalogTypes>(
  db: Queryable,
  resource: CatalogResource<T>,
  id: string,
): Promise<Tagged<T['record']>> {
  return (await findRecord<T['record']>(db, resource, id)) ?? recordNotFound(resource.name, id)
}
