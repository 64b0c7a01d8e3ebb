/** What an undo of a change would do: it restores what is still as the change left it, and names the rest. */
import { type SQL, sql } from 'drizzle-orm'
import type { CatalogTable } from '../catalog/catalog-resource.ts'
import { productResource } from '../catalog/products.ts'
import { storeResource } from '../catalog/stores.ts'
import type { Queryable } from '../db/connection.ts'
import { catalogIds, productStores, products, stores } from '../db/schema/catalog.ts'
import { historyRecords } from '../db/schema/history.ts'
import type { Conflict } from './change-schemas.ts'

/** Fields are JSON as Postgres wrote it: numbers have more digits there than here. */
export type Restored = {
  id: string
  title: string
  fields: string | null
  replaced: string | null
}
export type Link = Pick<Conflict, 'product_id' | 'store_id' | 'product_title' | 'store_title'>

export type RecordPlan = {
  resource: CatalogTable
  create: Restored[]
  update: Restored[]
  remove: Restored[]
}
export type UndoPlan = {
  records: RecordPlan[]
  links: { add: Link[]; remove: Link[] }
  unchanged: number
  conflicts: Conflict[]
}

/** The rows that it concerns are locked first, in the order of ids, until the transaction ends. */
export async function planUndo(tx: Queryable, changeId: string): Promise<UndoPlan> {
  const plan: UndoPlan = {
    records: [],
    links: { add: [], remove: [] },
    unchanged: 0,
    conflicts: [],
  }
  for (const resource of [productResource, storeResource]) await lock(tx, resource, changeId)
  for (const resource of [productResource, storeResource])
    plan.records.push(await planRecords(tx, resource, changeId, plan))
  await planLinks(tx, changeId, plan)
  return plan
}

async function lock(tx: Queryable, { table, links }: CatalogTable, changeId: string) {
  const ids = (isOther: SQL) => sql`(
    select ${sql.identifier(links.own)} from ${historyRecords}
    where change_id = ${changeId} and ${sql.identifier(links.other)} ${isOther} '')`
  await tx.execute(sql`select from ${table} where id in ${ids(sql`=`)} order by id for update`)
  await tx.execute(sql`select from ${table} where id in ${ids(sql`<>`)} order by id for key share`)
}

type RecordRow = Restored & {
  isCreated: boolean
  isRemoved: boolean
  isThere: boolean
  /** Whether all its fields are as they were before the change. */
  isSame: boolean
  isTaken: boolean
  hasOtherLinks: boolean
  differences: { field: string; now: unknown; left: unknown }[]
}

function readRows(tx: Queryable, resource: CatalogTable, changeId: string): Promise<RecordRow[]> {
  const { name, table, links, defaults } = resource
  const own = sql.identifier(links.own)
  const other = sql.identifier(links.other)
  const isFree = sql`now = lft and was <> now`
  return tx.execute<RecordRow>(sql`
    select r.id, coalesce(t.title, r.before ->> 'title', r.after ->> 'title', r.id) as title,
      r.before is null as "isCreated", r.after is null as "isRemoved", t.id is not null as "isThere",
      exists (select from ${catalogIds} i where i.id = r.id and i.kind <> ${name}) as "isTaken",
      exists (select from ${productStores} l where l.${own} = r.id and not exists (
        select from ${historyRecords} h where h.change_id = ${changeId} and h.product_id = l.product_id
          and h.store_id = l.store_id and h.before is null)) as "hasOtherLinks",
      (case when r.after is null then r.before else f.fields end)::text as fields, f.replaced::text,
      f."isSame", coalesce(f.differences, '[]') as differences
    from (select ${own} as id, before, after from ${historyRecords}
      where change_id = ${changeId} and ${other} = '' and before is distinct from after) r
    left join ${table} t on t.id = r.id
    cross join (select history_fields(${JSON.stringify(defaults)}::jsonb) as fields) d
    cross join lateral (select coalesce(history_fields(to_jsonb(t)), '{}') as fields) n
    cross join lateral (
      select jsonb_object_agg(key, was) filter (where ${isFree}) as fields,
        jsonb_object_agg(key, now) filter (where ${isFree}) as replaced,
        coalesce(bool_and(now = was), true) as "isSame",
        json_agg(json_build_object('field', key, 'now', now, 'left', lft)) filter (where now <> lft and now <> was) as differences
      from (
        select key, coalesce(r.before -> key, d.fields -> key, 'null') as was,
          coalesce(r.after -> key, d.fields -> key, 'null') as lft, coalesce(n.fields -> key, 'null') as now
        from jsonb_object_keys(coalesce(r.before, '{}') || coalesce(r.after, '{}')
          || case when r.before is null or r.after is null then n.fields else '{}' end) as k(key)
      ) v
    ) f
    order by r.id`)
}

async function planRecords(
  tx: Queryable,
  resource: CatalogTable,
  changeId: string,
  plan: UndoPlan,
): Promise<RecordPlan> {
  const planned: RecordPlan = { resource, create: [], update: [], remove: [] }
  for (const row of await readRows(tx, resource, changeId)) {
    const conflicts = conflictsOf(resource, row)
    plan.conflicts.push(...conflicts.map((one) => ({ ...placeOf(resource, row), ...one })))
    const act = actionOf(row)
    const isPossible = act === 'update' || conflicts.length === 0
    if (act !== null && isPossible) planned[act].push(row)
    else if (conflicts.length === 0) plan.unchanged++
  }
  return planned
}

function placeOf({ name }: CatalogTable, { id, title }: Pick<Restored, 'id' | 'title'>) {
  return name === 'product'
    ? { kind: name, product_id: id, product_title: title, store_id: null, store_title: null }
    : { kind: name, product_id: null, product_title: null, store_id: id, store_title: title }
}

/** What restores it, unless there are conflicts; null when nothing is to be done. */
function actionOf({ isCreated, isRemoved, isThere, fields }: RecordRow) {
  if (isCreated) return isThere ? 'remove' : null
  if (isRemoved) return isThere ? null : 'create'
  return isThere && fields !== null ? 'update' : null
}

type Reason = Pick<Conflict, 'field' | 'detail'>

const whole = (detail: string): Reason[] => [{ field: null, detail }]

function conflictsOf(resource: CatalogTable, row: RecordRow): Reason[] {
  if (row.isRemoved) return conflictsOfRemoved(resource, row)
  if (!row.isThere) return row.isCreated ? [] : whole(`the ${resource.name} was removed since`)
  const differences = row.differences.map(({ field, now, left }) => ({
    field,
    detail: `is ${words(now)} now, the change left ${words(left)}`,
  }))
  const isLinked = row.isCreated && row.hasOtherLinks && differences.length === 0
  return isLinked ? whole(linkedSince[resource.name]) : differences
}

function conflictsOfRemoved({ name, links }: CatalogTable, row: RecordRow): Reason[] {
  if (row.isTaken) return whole(`its id is used by a ${links.otherName} now`)
  return row.isThere && !row.isSame ? whole(`there is a ${name} with this id again`) : []
}

const linkedSince = {
  product: 'it is sold in other stores since',
  store: 'it sells other products since',
}

function words(value: unknown): string {
  const text = value === null ? 'empty' : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

type LinkRow = Link & {
  product_id: string
  store_id: string
  isAdded: boolean
  isThere: boolean
}

function readLinks(tx: Queryable, changeId: string): Promise<LinkRow[]> {
  return tx.execute<LinkRow>(sql`
    select r.product_id, r.store_id, p.title as product_title, s.title as store_title, r.before is null as "isAdded",
      l.product_id is not null as "isThere"
    from ${historyRecords} r
    left join ${productStores} l on l.product_id = r.product_id and l.store_id = r.store_id
    left join ${products} p on p.id = r.product_id left join ${stores} s on s.id = r.store_id
    where r.change_id = ${changeId} and r.product_id <> '' and r.store_id <> '' and r.before is distinct from r.after
    order by r.product_id, r.store_id`)
}

async function planLinks(tx: Queryable, changeId: string, plan: UndoPlan): Promise<void> {
  const created = plan.records.flatMap(({ create }) => create)
  const titles = new Map(created.map(({ id, title }) => [id, title]))
  const titleOf = (id: string, title: string | null) => title ?? titles.get(id) ?? null
  const staying = await createdThatStay(tx, changeId, plan)
  for (const { isAdded, isThere, ...row } of await readLinks(tx, changeId)) {
    const link = {
      ...row,
      product_title: titleOf(row.product_id, row.product_title),
      store_title: titleOf(row.store_id, row.store_title),
    }
    const detail = isAdded ? conflictOfAdded(row, staying) : conflictOfRemoved(link)
    if (isAdded !== isThere) plan.unchanged++
    else if (detail === null) plan.links[isAdded ? 'remove' : 'add'].push(link)
    else plan.conflicts.push({ kind: 'availability', ...link, field: null, detail })
  }
}

const conflictOfAdded = (
  { product_id, store_id }: Pick<LinkRow, 'product_id' | 'store_id'>,
  staying: Set<string>,
) => (staying.has(product_id) || staying.has(store_id) ? 'it stays with what was created' : null)

/** Every record that is there has a title. */
function conflictOfRemoved({ product_title, store_title }: Link): string | null {
  if (product_title === null) return 'there is no such product any more'
  return store_title === null ? 'there is no such store any more' : null
}

/** The ids of records that the change created and that an undo leaves. */
async function createdThatStay(
  tx: Queryable,
  changeId: string,
  plan: UndoPlan,
): Promise<Set<string>> {
  const created = await tx.execute<{ id: string }>(sql`
    select product_id || store_id as id from ${historyRecords}
    where change_id = ${changeId} and (product_id = '' or store_id = '') and before is null`)
  const removed = new Set(plan.records.flatMap(({ remove }) => remove.map(({ id }) => id)))
  return new Set(created.map(({ id }) => id).filter((id) => !removed.has(id)))
}
