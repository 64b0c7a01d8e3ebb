/** In charge of importing the catalog: products, stores and availability, thousands of rows a statement. */
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type {
  CatalogInput,
  CatalogResource,
  CatalogTable,
  CatalogTypes,
} from '../catalog/catalog-resource.ts'
import { writeRecords } from '../catalog/catalog-writes.ts'
import type { Queryable } from '../db/connection.ts'
import { catalogIds, productStores, products, stores } from '../db/schema/catalog.ts'
import { id } from '../lib/fields.ts'
import { add, nothing, type Rejected, type WriteInputs, type Written } from './import-batch.ts'

export const availabilityInput = z.strictObject({ product_id: id, store_id: id })
type AvailabilityInput = z.infer<typeof availabilityInput>

type Indexed<D> = { place: number; draft: D }

/** Of an id that stands more than once, the last one is the truth, as if the rows came one by one. */
export function writeCatalog<T extends CatalogTypes>(
  kind: CatalogResource<T>,
): WriteInputs<T['input']> {
  return async (tx, drafts) => {
    const rejected = await findRejected(tx, kind, drafts)
    const bad = new Set(rejected.map(({ place }) => place))
    const good = drafts.flatMap((draft, place) => (bad.has(place) ? [] : [{ place, draft }]))
    let written: Written = { ...nothing, rejected }
    for (const wave of wavesOf(good)) {
      const tally = await writeRecords(
        tx,
        kind,
        wave.map(({ draft }) => draft),
      )
      written = add(written, { ...tally, rejected: [] })
    }
    return written
  }
}

/** No wave names an id twice. */
function wavesOf<D extends CatalogInput>(indexed: Indexed<D>[]): Indexed<D>[][] {
  const times = new Map<string, number>()
  const waves: Indexed<D>[][] = []
  for (const one of indexed) {
    const time = times.get(one.draft.id) ?? 0
    times.set(one.draft.id, time + 1)
    const wave = waves[time]
    if (wave) wave.push(one)
    else waves[time] = [one]
  }
  return waves
}

/** The faults that whole files have, found by one question each and not by trying. */
async function findRejected(
  tx: Queryable,
  kind: CatalogTable,
  drafts: CatalogInput[],
): Promise<Rejected[]> {
  const { field, otherName, otherTable } = kind.links
  const taken = await tx.execute<{ id: string }>(sql`
    select id from ${catalogIds} where kind = ${otherName}
      and id in (select jsonb_array_elements_text(${JSON.stringify(drafts.map((draft) => draft.id))}::jsonb))`)
  const wanted = [...new Set(drafts.flatMap((draft) => draft[field] ?? []))]
  const unknown =
    wanted.length === 0
      ? []
      : await tx.execute<{ id: string }>(sql`
          select id from jsonb_array_elements_text(${JSON.stringify(wanted)}::jsonb) as wanted(id)
          where not exists (select from ${otherTable} o where o.id = wanted.id)`)
  const [takenIds, unknownIds] = [idsOf(taken), idsOf(unknown)]
  return drafts.flatMap((draft, place): Rejected[] => {
    if (takenIds.has(draft.id))
      return [{ place, reason: `id "${draft.id}" is used by a ${otherName}` }]
    const missing =
      unknownIds.size === 0 ? undefined : draft[field]?.find((one) => unknownIds.has(one))
    return missing === undefined
      ? []
      : [{ place, reason: `${field} there is no ${otherName} with the id "${missing}"` }]
  })
}

const idsOf = (rows: readonly { id: string }[]) => new Set(rows.map((row) => row.id))

export const writeAvailability: WriteInputs<AvailabilityInput> = async (tx, drafts) => {
  const given = sql`jsonb_to_recordset(${JSON.stringify(drafts)}::jsonb) as d(product_id text collate "C", store_id text collate "C")`
  const productIds = await unknownIds(tx, drafts, 'product_id')
  const storeIds = await unknownIds(tx, drafts, 'store_id')
  const rejected = drafts.flatMap(({ product_id, store_id }, place): Rejected[] => {
    if (productIds.has(product_id))
      return [{ place, reason: `product_id there is no product with the id "${product_id}"` }]
    if (storeIds.has(store_id))
      return [{ place, reason: `store_id there is no store with the id "${store_id}"` }]
    return []
  })
  const [inserted] = await tx.execute<{ count: number }>(sql`
    with made as (
      insert into ${productStores} (product_id, store_id)
      select product_id, store_id from ${given}
      where product_id <> all(${asArray(productIds)}) and store_id <> all(${asArray(storeIds)})
      order by 1, 2 on conflict do nothing returning 1
    ) select count(*)::int as count from made`)
  const created = inserted?.count ?? 0
  return { created, updated: 0, unchanged: drafts.length - rejected.length - created, rejected }
}

const asArray = (ids: Set<string>) =>
  sql`array(select jsonb_array_elements_text(${JSON.stringify([...ids])}::jsonb))`

async function unknownIds(
  tx: Queryable,
  drafts: AvailabilityInput[],
  column: 'product_id' | 'store_id',
): Promise<Set<string>> {
  const table = column === 'product_id' ? products : stores
  const wanted = [...new Set(drafts.map((draft) => draft[column]))]
  const unknown = await tx.execute<{ id: string }>(sql`
    select id from jsonb_array_elements_text(${JSON.stringify(wanted)}::jsonb) as wanted(id)
    where not exists (select from ${table} t where t.id = wanted.id)`)
  return idsOf(unknown)
}
