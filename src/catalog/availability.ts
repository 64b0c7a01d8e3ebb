/** In charge of which product is sold in which store: links set one by one, or replaced by a record's own list. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { AppError, type FieldError, recordNotFound } from '../lib/errors.ts'
import type { CatalogInput, CatalogTable } from './catalog-resource.ts'
import { productResource } from './products.ts'
import { storeResource } from './stores.ts'

/** Harmless when it is there already. */
export function addLink(db: Database, productId: string, storeId: string): Promise<void> {
  return transaction(db, async (tx) => {
    await lockForLink(tx, productResource, productId)
    await lockForLink(tx, storeResource, storeId)
    await tx.execute(
      sql`insert into product_stores (product_id, store_id) values (${productId}, ${storeId}) on conflict do nothing`,
    )
  })
}

/** The row can't go away before the transaction ends; other links to it are not held up. */
async function lockForLink(tx: Queryable, kind: CatalogTable, id: string): Promise<void> {
  const found = await tx.execute(sql`select from ${kind.table} where id = ${id} for key share`)
  if (found.length === 0) recordNotFound(kind.name, id)
}

export async function removeLink(db: Queryable, productId: string, storeId: string): Promise<void> {
  const gone = await db.execute(
    sql`delete from product_stores where product_id = ${productId} and store_id = ${storeId} returning 1`,
  )
  if (gone.length === 0)
    throw new AppError(
      'not_found',
      `The product "${productId}" is not sold in the store "${storeId}".`,
    )
}

/** Names every target that is not there. The foreign key still decides when one goes away a moment later. */
export async function assertLinksExist(
  tx: Queryable,
  kind: CatalogTable,
  drafts: CatalogInput[],
  batch: boolean,
): Promise<void> {
  const wanted = [...new Set(drafts.flatMap((draft) => draft[kind.links.field] ?? []))].sort()
  if (wanted.length === 0) return
  const found = await tx.execute<{ id: string }>(sql`
    select o.id from ${kind.links.otherTable} o
    where o.id in (select jsonb_array_elements_text(${JSON.stringify(wanted)}::jsonb))
    order by o.id for key share`)
  const known = new Set(found.map((row) => row.id))
  const faults = drafts.flatMap((draft, place) =>
    unknownLinks(kind, draft, known, batch ? place : undefined),
  )
  if (faults.length > 0)
    throw new AppError(
      'invalid',
      `Some ${kind.links.otherName}s named in ${kind.links.field} do not exist.`,
      faults,
    )
}

function unknownLinks(
  kind: CatalogTable,
  draft: CatalogInput,
  known: Set<string>,
  place?: number,
): FieldError[] {
  const missing = (draft[kind.links.field] ?? []).filter((id) => !known.has(id))
  if (missing.length === 0) return []
  const field =
    place === undefined ? kind.links.field : `${kind.name}s.${place}.${kind.links.field}`
  return [
    {
      field,
      detail: `there is no ${kind.links.otherName} with the id ${missing.map((id) => `"${id}"`).join(', ')}`,
    },
  ]
}

/**
 * Of the drafts that have a list of links, the list becomes the truth; what is right already is not
 * touched. Answers the ids of the drafts whose links are others now.
 */
export async function replaceLinks(
  tx: Queryable,
  kind: CatalogTable,
  drafts: CatalogInput[],
): Promise<string[]> {
  const listed = drafts.flatMap((draft) => {
    const others = draft[kind.links.field]
    return others ? [{ own: draft.id, others }] : []
  })
  if (listed.length === 0) return []
  const own = sql.identifier(kind.links.own)
  const other = sql.identifier(kind.links.other)
  const lists = JSON.stringify(listed)
  const gone = await tx.execute<{ id: string }>(sql`
    delete from product_stores l using jsonb_to_recordset(${lists}::jsonb) as d(own text, others jsonb)
    where l.${own} = d.own and not d.others ? l.${other}
    returning l.${own} as id`)
  const come = await tx.execute<{ id: string }>(sql`
    insert into product_stores (${own}, ${other})
    select d.own, o.id from jsonb_to_recordset(${lists}::jsonb) as d(own text, others jsonb), jsonb_array_elements_text(d.others) as o(id)
    order by 1, 2 on conflict do nothing
    returning ${own} as id`)
  return [...gone, ...come].map((link) => link.id)
}
