/** Selling many products in many stores, or no longer. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, snapshot, transaction } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { products, stores } from '../db/schema/catalog.ts'
import { AppError } from '../lib/errors.ts'
import type { Link } from './availability.ts'
import type { CatalogResource, CatalogTypes } from './catalog-resource.ts'
import { lockRows } from './lock-rows.ts'
import { type ProductTypes, productResource } from './products.ts'
import { assertExpected, type BulkOptions, type Selection, selectedIds } from './selection.ts'
import { type StoreTypes, storeResource } from './stores.ts'

/** So many links are added within the time that a request has; each is checked by two foreign keys. */
export const maxPairs = 50_000

export type AvailabilityChange = {
  products: Selection<ProductTypes>
  stores: Selection<StoreTypes>
  action: 'add' | 'remove'
}

export type AvailabilityResult = {
  products: number
  stores: number
  matched: number
  changed: number
  sample: Sample[]
}

type Sample = Link & { product_title: string; store_title: string }

const sampleSize = 10

/** Each product with each store, all or nothing; links that are there or gone already are left as they are. */
export function changeAvailability(
  db: Database,
  change: AvailabilityChange,
  { dryRun, ...options }: BulkOptions,
): Promise<AvailabilityResult> {
  if (dryRun)
    return snapshot(db, async (tx) => preview(tx, await pairsOf(tx, change, options), change))
  return transaction(db, async (tx) => {
    const pairs = await pairsOf(tx, change, options)
    if (change.action === 'add') await keep(tx, pairs)
    const result = await preview(tx, pairs, change)
    const write = change.action === 'add' ? insertion(pairs) : deletion(pairs)
    const [done] = await tx.execute<{ count: number }>(
      sql`with done as (${write} returning 1) select count(*)::int as count from done`,
    )
    return { ...result, changed: done?.count ?? 0 }
  })
}

type Pairs = { products: string[]; stores: string[] }

async function pairsOf(
  tx: Queryable,
  change: AvailabilityChange,
  { expected, lint }: Omit<BulkOptions, 'dryRun'>,
): Promise<Pairs> {
  const select = <T extends CatalogTypes>(resource: CatalogResource<T>, side: Selection<T>) =>
    selectedIds(tx, resource, side, { max: maxPairs, lint, path: `${resource.name}s.` })
  const pairs = {
    products: await select(productResource, change.products),
    stores: await select(storeResource, change.stores),
  }
  const matched = pairs.products.length * pairs.stores.length
  if (matched > maxPairs)
    throw new AppError(
      'invalid',
      `${pairs.products.length.toLocaleString('en')} products in ${pairs.stores.length.toLocaleString('en')} stores are ${matched.toLocaleString('en')} pairs: at most ${maxPairs.toLocaleString('en')} can be changed at once. Narrow the filters.`,
      [{ field: 'products', detail: 'matches too many together with stores' }],
    )
  assertExpected('pairs of product and store', matched, expected)
  return pairs
}

/** What was removed since it was matched is left out. */
async function keep(tx: Queryable, pairs: Pairs): Promise<void> {
  const knownProducts = await lockRows(tx, products, pairs.products, 'keep')
  const knownStores = await lockRows(tx, stores, pairs.stores, 'keep')
  if (knownProducts.size < pairs.products.length || knownStores.size < pairs.stores.length)
    throw new AppError('conflict', 'What matches was removed meanwhile. Nothing was changed.')
}

const of = ({ products: one, stores: other }: Pairs): SQL =>
  sql`unnest(${textArray(one)}) as p(product_id) cross join unnest(${textArray(other)}) as s(store_id)`

const isSold = sql`exists (select from product_stores l where l.product_id = p.product_id and l.store_id = s.store_id)`

async function preview(
  tx: Queryable,
  pairs: Pairs,
  { action }: AvailabilityChange,
): Promise<AvailabilityResult> {
  const changes = action === 'add' ? sql`not ${isSold}` : isSold
  const [counted] = await tx.execute<{ count: number }>(
    sql`select count(*)::int as count from ${of(pairs)} where ${changes}`,
  )
  const sample = await tx.execute<Sample>(sql`
    select l.product_id, one.title as product_title, l.store_id, other.title as store_title
    from (select p.product_id, s.store_id from ${of(pairs)} where ${changes} order by 1, 2 limit ${sampleSize}) l
    join products one on one.id = l.product_id join stores other on other.id = l.store_id order by 1, 3`)
  return {
    products: pairs.products.length,
    stores: pairs.stores.length,
    matched: pairs.products.length * pairs.stores.length,
    changed: counted?.count ?? 0,
    sample,
  }
}

const insertion = (pairs: Pairs): SQL => sql`
  insert into product_stores (product_id, store_id) select p.product_id, s.store_id from ${of(pairs)}
  order by 1, 2 on conflict do nothing`

const deletion = ({ products: one, stores: other }: Pairs): SQL => sql`
  delete from product_stores where product_id = any(${textArray(one)}) and store_id = any(${textArray(other)})`
