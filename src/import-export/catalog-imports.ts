/** Imports the catalog: products, stores and availability, thousands of rows per statement. */
import { sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { type CatalogPatch, countEmptied, mergeRecords } from '../catalog/catalog-merge.ts'
import type {
  CatalogInput,
  CatalogResource,
  CatalogTable,
  CatalogTypes,
} from '../catalog/catalog-resource.ts'
import { writeRecords } from '../catalog/catalog-writes.ts'
import { lockRows } from '../catalog/lock-rows.ts'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { catalogIds, productStores, products, stores } from '../db/schema/catalog.ts'
import { id } from '../lib/fields.ts'
import { errorMap, fieldErrors } from '../lib/validation.ts'
import { addResults, nothingWritten, type RejectedInput, type WriteInputs } from './import-batch.ts'

export const availabilityInput = z.strictObject({ product_id: id, store_id: id })
type AvailabilityInput = z.infer<typeof availabilityInput>

/** Each id must be there once. */
export function writeCatalog<T extends CatalogTypes>(
  resource: CatalogResource<T>,
): WriteInputs<T['input']> {
  return async (tx, inputs) => {
    const rejected = await findRejected(tx, resource, inputs)
    const valid = without(inputs, rejected)
    await lockRows(tx, resource.table, idsOfInputs(valid), 'change')
    const emptied = await countEmptied(tx, resource, valid, false)
    return { ...(await writeRecords(tx, resource, valid)), emptied, rejected }
  }
}

/** Records that exist change in the fields that the input names; others are created. */
export function mergeCatalog<T extends CatalogTypes>(
  resource: CatalogResource<T>,
): WriteInputs<CatalogPatch> {
  return async (tx, inputs) => {
    const rejected = await findRejected(tx, resource, inputs)
    const known = await lockRows(tx, resource.table, idsOfInputs(inputs), 'change')
    const created: T['input'][] = []
    for (const [index, input] of inputs.entries()) {
      if (known.has(input.id) || rejected.some((one) => one.index === index)) continue
      const parsed = resource.input.safeParse(withoutNulls(input), { error: errorMap })
      if (parsed.success) created.push(parsed.data)
      else
        rejected.push({
          index,
          reason: `${reasonOf(fieldErrors(parsed.error.issues))}; there is no ${resource.name} "${input.id}" to change`,
        })
    }
    const patches = without(inputs, rejected).filter((input) => known.has(input.id))
    const emptied = await countEmptied(tx, resource, patches, true)
    const changed = await mergeRecords(tx, resource, patches)
    const written = await writeRecords(tx, resource, created)
    const [updated, unchanged] = [changed.size, patches.length - changed.size]
    return addResults({ ...written, emptied, rejected }, { ...nothingWritten, updated, unchanged })
  }
}

const reasonOf = (errors: { field: string; detail: string }[]) =>
  errors.map(({ field, detail }) => `${field} ${detail}`).join('; ')

const withoutNulls = (fields: object): object =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => {
      if (value === null) return []
      const isObject = typeof value === 'object' && !Array.isArray(value)
      return [[name, isObject ? withoutNulls(value) : value]]
    }),
  )

const idsOfInputs = (inputs: CatalogInput[]) => inputs.map((input) => input.id)

function without<T>(inputs: T[], rejected: RejectedInput[]): T[] {
  const indexes = new Set(rejected.map(({ index }) => index))
  return inputs.filter((_, index) => !indexes.has(index))
}

/** The errors that whole files have, found by one query each instead of by a failed transaction for each. */
async function findRejected(
  tx: Queryable,
  resource: CatalogTable,
  inputs: CatalogInput[],
): Promise<RejectedInput[]> {
  const { field, otherName, otherTable } = resource.links
  const taken = await tx.execute<{ id: string }>(sql`
    select id from ${catalogIds} where kind = ${otherName}
      and id in (select jsonb_array_elements_text(${JSON.stringify(inputs.map((input) => input.id))}::jsonb))`)
  const linked = [...new Set(inputs.flatMap((input) => input[field] ?? []))]
  const takenIds = idsOf(taken)
  const unknownIds = linked.length === 0 ? new Set() : await findUnknownIds(tx, otherTable, linked)
  return inputs.flatMap((input, index): RejectedInput[] => {
    if (takenIds.has(input.id))
      return [{ index, reason: `id "${input.id}" is used by a ${otherName}` }]
    const missing =
      unknownIds.size === 0 ? undefined : input[field]?.find((one) => unknownIds.has(one))
    return missing === undefined
      ? []
      : [{ index, reason: `${field}: there is no ${otherName} with the id "${missing}"` }]
  })
}

const idsOf = (rows: readonly { id: string }[]) => new Set(rows.map((row) => row.id))

export const writeAvailability: WriteInputs<AvailabilityInput> = async (tx, inputs) => {
  const links = sql`jsonb_to_recordset(${JSON.stringify(inputs)}::jsonb) as l(product_id text collate "C", store_id text collate "C")`
  const productIds = await findUnknownIds(tx, products, distinct(inputs, 'product_id'))
  const storeIds = await findUnknownIds(tx, stores, distinct(inputs, 'store_id'))
  const rejected = inputs.flatMap(({ product_id, store_id }, index): RejectedInput[] => {
    if (productIds.has(product_id))
      return [{ index, reason: `product_id: there is no product with the id "${product_id}"` }]
    if (storeIds.has(store_id))
      return [{ index, reason: `store_id: there is no store with the id "${store_id}"` }]
    return []
  })
  const [inserted] = await tx.execute<{ count: number }>(sql`
    with inserted as (
      insert into ${productStores} (product_id, store_id)
      select product_id, store_id from ${links}
      where product_id <> all(${textArray([...productIds])}) and store_id <> all(${textArray([...storeIds])})
      order by 1, 2 on conflict do nothing returning 1
    ) select count(*)::int as count from inserted`)
  const created = inserted?.count ?? 0
  const unchanged = inputs.length - rejected.length - created
  return { ...nothingWritten, created, unchanged, rejected }
}

const distinct = (inputs: AvailabilityInput[], column: keyof AvailabilityInput) => [
  ...new Set(inputs.map((input) => input[column])),
]

/** Those of the ids that the table lacks. */
async function findUnknownIds(
  tx: Queryable,
  table: PgTable,
  ids: readonly string[],
): Promise<Set<string>> {
  const unknown = await tx.execute<{ id: string }>(sql`
    select id from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) as linked(id)
    where not exists (select from ${table} t where t.id = linked.id)`)
  return idsOf(unknown)
}
