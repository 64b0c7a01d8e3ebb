/** Which product is sold in which store: links set one by one, or replaced by the list of a record. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { products, stores } from '../db/schema/catalog.ts'
import { AppError, type FieldError, recordNotFound } from '../lib/errors.ts'
import type { CatalogInput, CatalogTable } from './catalog-resource.ts'
import { lockRows } from './lock-rows.ts'
import { productResource } from './products.ts'
import { storeResource } from './stores.ts'

/** Does nothing when the link exists. */
export function addLink(db: Database, productId: string, storeId: string): Promise<void> {
  return transaction(db, async (tx) => {
    await lockForLink(tx, productResource, productId)
    await lockForLink(tx, storeResource, storeId)
    await tx.execute(
      sql`insert into product_stores (product_id, store_id) values (${productId}, ${storeId}) on conflict do nothing`,
    )
  })
}

/** Keeps the row from being deleted before the transaction ends, without blocking other links to it. */
async function lockForLink(tx: Queryable, resource: CatalogTable, id: string): Promise<void> {
  const found = await tx.execute(sql`select from ${resource.table} where id = ${id} for key share`)
  if (found.length === 0) recordNotFound(resource.name, id)
}

export function removeLink(db: Database, productId: string, storeId: string): Promise<void> {
  return transaction(db, async (tx) => {
    const removed = await tx.execute(
      sql`delete from product_stores where product_id = ${productId} and store_id = ${storeId} returning 1`,
    )
    if (removed.length === 0)
      throw new AppError(
        'not_found',
        `The product "${productId}" is not sold in the store "${storeId}".`,
      )
  })
}

export type Link = { product_id: string; store_id: string }

/** All or nothing; links that are there or gone already are left as they are. Returns how many were added and removed. */
export function changeLinks(
  db: Database,
  add: Link[],
  remove: Link[],
): Promise<{ added: number; removed: number }> {
  return transaction(db, async (tx) => {
    await assertBothExist(tx, add)
    const removed = await tx.execute(sql`
      delete from product_stores l using ${links(remove)}
      where l.product_id = d.product_id and l.store_id = d.store_id returning 1`)
    const added = await tx.execute(sql`
      insert into product_stores (product_id, store_id) select product_id, store_id from ${links(add)}
      order by 1, 2 on conflict do nothing returning 1`)
    return { added: added.length, removed: removed.length }
  })
}

const links = (given: Link[]) =>
  sql`jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as d(product_id text, store_id text)`

async function assertBothExist(tx: Queryable, add: Link[]): Promise<void> {
  const knownProducts = await lockRows(tx, products, new Set(add.map((l) => l.product_id)), 'keep')
  const knownStores = await lockRows(tx, stores, new Set(add.map((l) => l.store_id)), 'keep')
  const errors = add.flatMap(({ product_id, store_id }, index) => [
    ...(knownProducts.has(product_id)
      ? []
      : [{ field: `add.${index}.product_id`, detail: `unknown product "${product_id}"` }]),
    ...(knownStores.has(store_id)
      ? []
      : [{ field: `add.${index}.store_id`, detail: `unknown store "${store_id}"` }]),
  ])
  if (errors.length > 0) throw new AppError('invalid', 'Unknown products or stores.', errors)
}

/** The error names every unknown id. The foreign key still catches one that is deleted right after this check. */
export async function assertLinksExist(
  tx: Queryable,
  resource: CatalogTable,
  inputs: CatalogInput[],
  batch: boolean,
): Promise<void> {
  const wanted = new Set(inputs.flatMap((input) => input[resource.links.field] ?? []))
  if (wanted.size === 0) return
  const known = await lockRows(tx, resource.links.otherTable, wanted, 'keep')
  const errors = inputs.flatMap((input, index) =>
    unknownLinks(resource, input, known, batch ? `${resource.name}s.${index}.` : ''),
  )
  if (errors.length > 0)
    throw new AppError(
      'invalid',
      `Unknown ${resource.links.otherName}s in ${resource.links.field}.`,
      errors,
    )
}

function unknownLinks(
  resource: CatalogTable,
  input: CatalogInput,
  known: Set<string>,
  prefix: string,
): FieldError[] {
  const missing = (input[resource.links.field] ?? []).filter((id) => !known.has(id))
  if (missing.length === 0) return []
  const { field, otherName } = resource.links
  const ids = missing.map((id) => `"${id}"`).join(', ')
  return [{ field: `${prefix}${field}`, detail: `unknown ${otherName} ${ids}` }]
}

/**
 * Makes the links those that the inputs list, without touching links that stay; inputs without a
 * list keep theirs. Returns the ids of the inputs whose links changed.
 */
export async function replaceLinks(
  tx: Queryable,
  resource: CatalogTable,
  inputs: CatalogInput[],
): Promise<string[]> {
  const listed = inputs.flatMap((input) => {
    const others = input[resource.links.field]
    return others ? [{ own: input.id, others }] : []
  })
  if (listed.length === 0) return []
  const own = sql.identifier(resource.links.own)
  const other = sql.identifier(resource.links.other)
  const lists = JSON.stringify(listed)
  const removed = await tx.execute<{ id: string }>(sql`
    delete from product_stores l using jsonb_to_recordset(${lists}::jsonb) as d(own text, others jsonb)
    where l.${own} = d.own and not d.others ? l.${other}
    returning l.${own} as id`)
  const added = await tx.execute<{ id: string }>(sql`
    insert into product_stores (${own}, ${other})
    select d.own, o.id from jsonb_to_recordset(${lists}::jsonb) as d(own text, others jsonb), jsonb_array_elements_text(d.others) as o(id)
    order by 1, 2 on conflict do nothing
    returning ${own} as id`)
  return [...removed, ...added].map((link) => link.id)
}
