/** The history as it is read: changes, newest first, and what each did. */
import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Queryable } from '../db/connection.ts'
import { timestamp } from '../db/parameters.ts'
import { products, stores } from '../db/schema/catalog.ts'
import { historyChanges, historyRecords } from '../db/schema/history.ts'
import { recordNotFound } from '../lib/errors.ts'
import { id, instant, text } from '../lib/fields.ts'
import { invalidCursor, type Page, pageQuery, readCursor, writeCursor } from '../lib/pagination.ts'
import { type Change, change, recordKinds } from './change-schemas.ts'

const limit = z.coerce.number('must be a number').int().min(1).max(100).default(50)

export const changeQuery = z.strictObject({
  ...pageQuery,
  limit,
  product_id: id
    .optional()
    .meta({ description: 'Only what changed this product, or where it is sold' }),
  store_id: id.optional().meta({ description: 'Only what changed this store, or what it sells' }),
  kind: z.enum(recordKinds).optional(),
  via: change.shape.via.optional(),
  actor: text(1000).optional().meta({ description: 'The whole name of a key' }),
  since: instant.optional(),
  until: instant.optional(),
})
type ChangeFilter = Omit<z.infer<typeof changeQuery>, keyof Page>

export const recordsQuery = z.strictObject({ cursor: pageQuery.cursor, limit })

const recordsInList = 3

export async function listChanges(
  db: Queryable,
  filter: ChangeFilter,
  { cursor, limit }: Page,
): Promise<{ changes: Change[]; nextCursor: string | null }> {
  const conditions = [...conditionsOf(filter), ...(cursor === undefined ? [] : [isBefore(cursor)])]
  const records = recordsJson(sql`true`, { of: filter, limit: recordsInList, isCut: true })
  const rows = await db.execute<{ position: string; change: Change }>(sql`
    select (extract(epoch from c.at) * 1000000)::bigint || ',' || c.id as position,
      ${changeJson(records)} as change
    from ${historyChanges} c where ${sql.join([sql`true`, ...conditions], sql` and `)}
    order by c.at desc, c.id desc limit ${limit + 1}`)
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  return {
    changes: shown.map((row) => row.change),
    nextCursor: last ? writeCursor(last.position) : null,
  }
}

/** With a page of its records. */
export async function getChange(
  db: Queryable,
  changeId: string,
  { cursor, limit }: Page,
): Promise<{ change: Change; nextCursor: string | null }> {
  const [productId = '', storeId = ''] = cursor === undefined ? [] : readPlace(cursor)
  const after =
    cursor === undefined ? sql`true` : sql`(r.product_id, r.store_id) > (${productId}, ${storeId})`
  const records = recordsJson(after, { of: {}, limit: limit + 1, isCut: false })
  const [row] = await db.execute<{ change: Change }>(sql`
    select ${changeJson(records)} as change from ${historyChanges} c where c.id = ${changeId}`)
  if (!row) recordNotFound('change', changeId)
  const found = row.change.records
  const shown = found.slice(0, limit)
  const last = found.length > limit ? shown.at(-1) : undefined
  return {
    change: { ...row.change, records: shown },
    nextCursor: last ? writeCursor(`${last.product_id ?? ''},${last.store_id ?? ''}`) : null,
  }
}

/** An id holds no comma. */
function readPlace(cursor: string): string[] {
  const place = readCursor(cursor).split(',')
  return place.length === 2 ? place : invalidCursor()
}

function isBefore(cursor: string): SQL {
  const [, at, id] = /^(\d{1,17}),([\da-f-]{36})$/.exec(readCursor(cursor)) ?? []
  if (at === undefined || !z.uuid().safeParse(id).success) invalidCursor()
  return sql`(c.at, c.id) < (timestamptz 'epoch' + ${at}::bigint * interval '1 microsecond', ${id}::uuid)`
}

function conditionsOf({ product_id, store_id, kind, via, actor, since, until }: ChangeFilter) {
  const touches = (column: string, id: string) =>
    sql`c.id in (select change_id from ${historyRecords} where ${sql.identifier(column)} = ${id} and ${sql.identifier(column)} <> '')`
  return [
    ...(product_id === undefined ? [] : [touches('product_id', product_id)]),
    ...(store_id === undefined ? [] : [touches('store_id', store_id)]),
    ...(kind === undefined
      ? []
      : [sql`exists (select from jsonb_object_keys(c.counts) k where starts_with(k, ${kind}))`]),
    ...(via === undefined ? [] : [sql`c.via = ${via}`]),
    ...(actor === undefined ? [] : [sql`c.actor = ${actor}`]),
    ...(since === undefined ? [] : [sql`c.at >= ${timestamp(since)}`]),
    ...(until === undefined ? [] : [sql`c.at < ${timestamp(until)}`]),
  ]
}

/** Of the row `c`. */
const changeJson = (records: SQL) => sql`json_build_object(
  'id', c.id, 'at', c.at, 'via', c.via, 'actor', c.actor, 'key_id', c.key_id, 'file', c.file,
  'counts', (select coalesce(json_agg(json_build_object('kind', split_part(key, '_', 1),
      'action', split_part(key, '_', 2), 'count', value::int) order by key), '[]') from jsonb_each_text(c.counts)),
  'complete', c.complete, 'undoes', c.undoes,
  'undone_by', (select u.id from ${historyChanges} u where u.undoes = c.id order by u.at desc limit 1),
  'records', ${records})`

type Shown = { of: Pick<ChangeFilter, 'product_id' | 'store_id'>; limit: number; isCut: boolean }

function recordsJson(condition: SQL, { of, limit, isCut }: Shown): SQL {
  const conditions = [
    condition,
    ...(of.product_id === undefined ? [] : [sql`r.product_id = ${of.product_id}`]),
    ...(of.store_id === undefined ? [] : [sql`r.store_id = ${of.store_id}`]),
  ]
  return sql`(select coalesce(json_agg(${recordJson(isCut)} order by r.product_id, r.store_id), '[]')
    from (select * from ${historyRecords} r where r.change_id = c.id and r.before is distinct from r.after
      and ${sql.join(conditions, sql` and `)} order by r.product_id, r.store_id limit ${limit}) r
    left join ${products} p on p.id = r.product_id left join ${stores} s on s.id = r.store_id)`
}

const recordJson = (isCut: boolean) => sql`json_build_object(
  'kind', case when r.store_id = '' then 'product' when r.product_id = '' then 'store' else 'availability' end,
  'product_id', nullif(r.product_id, ''), 'store_id', nullif(r.store_id, ''),
  'product_title', case when r.product_id <> '' then coalesce(p.title, case when r.store_id = '' then ${lastTitle} end) end,
  'store_title', case when r.store_id <> '' then coalesce(s.title, case when r.product_id = '' then ${lastTitle} end) end,
  'action', case when r.before is null then 'created' when r.after is null then 'removed' else 'updated' end,
  'before', ${isCut ? cut(sql`r.before`) : sql`r.before`}, 'after', ${isCut ? cut(sql`r.after`) : sql`r.after`})`

const lastTitle = sql`coalesce(r.after ->> 'title', r.before ->> 'title')`

const longest = 300

/** A long value becomes a text that ends in an ellipsis. */
const cut = (fields: SQL) => sql`case when ${fields} is not null then (
  select coalesce(jsonb_object_agg(key, case when length(value #>> '{}') > ${longest}
    then to_jsonb(left(value #>> '{}', ${longest}) || '…') else value end), '{}') from jsonb_each(${fields})) end`
