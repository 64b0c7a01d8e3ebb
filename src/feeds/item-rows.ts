/** The rows that feed items are made of: published ones, of some ranges of hashes, in the feed's order. */
import { type SQL, sql } from 'drizzle-orm'
import type { CatalogFields } from '../catalog/catalog-fields.ts'
import { productFields } from '../catalog/products.ts'
import { storeFields } from '../catalog/stores.ts'
import type { Queryable } from '../db/connection.ts'
import type { FeedName } from '../db/schema/feeds.ts'
import type { Item } from './item.ts'
import { type ProductRow, productItem } from './product-item.ts'
import { type HashRange, hashCount } from './slots.ts'
import { type StoreRow, storeItem } from './store-item.ts'

export type HashedItem = { hash: number; id: string; item: Item }

/** The field of each feed that lists ids. */
export const listFields = { products: 'store_ids', stores: 'product_ids' } as const

/** What settings decide about items. */
export type ItemSettings = {
  /** How many decimals a price has. */
  decimals: number
  /** Whether a store has `product_ids`. */
  storeProductIds: boolean
  /** About how long the pieces of long lists are. */
  pieceBytes: number
}

/** A list of ids, or the part of it in which `within` holds of a link `l`. */
const idsOf: Record<FeedName, (owner: SQL, within?: SQL) => SQL> = {
  products: (owner, within = sql`true`) => sql`
    (select string_agg(x.store_id, ',') from (
      select l.store_id from product_stores l
      where l.product_id = ${owner} and ${within} and l.store_id <> all(array(select s.id from stores s where not s.published))
      order by l.store_id) x)`,
  stores: (owner, within = sql`true`) => sql`
    (select string_agg(x.product_id, ',') from (
      select l.product_id from product_stores l
      where l.store_id = ${owner} and ${within} and not exists (select from products p where p.id = l.product_id and not p.published)
      order by l.product_id) x)`,
}

/**
 * Selects the rows of items in the order of hash and id.
 *
 * Lists of ids come in the order of an index: an aggregate with `order by` of its own would sort them. Unpublished products
 * are few, and an index has them alone.
 */
export const itemQueries: Record<FeedName, (ranges: HashRange[], settings: ItemSettings) => SQL> = {
  products: (ranges, { decimals }) => {
    const price = sql`round(t.price, ${decimals}::int)::float8 as price`
    const inventory_quantity = sql`t.inventory_quantity::float8 as inventory_quantity`
    return sql`
      select ${columns(productFields, { categories: categoriesAsJson, price, inventory_quantity })},
        ${idsOf.products(sql`t.id`)} as store_ids
      from products t where t.published and ${hashIsIn(ranges)} order by t.hash, t.id`
  },
  stores: (ranges, { storeProductIds }) => sql`
    select ${columns(storeFields, { categories: categoriesAsJson })}${storeProductIds ? sql`, ${idsOf.stores(sql`t.id`)} as product_ids` : sql``}
    from stores t where t.published and ${hashIsIn(ranges)} order by t.hash, t.id`,
}

export const readItems: Record<
  FeedName,
  (db: Queryable, ranges: HashRange[], settings: ItemSettings) => Promise<HashedItem[]>
> = {
  products: async (db, ranges, settings) => {
    const rows = await db.execute<ProductRow & { hash: number }>(
      itemQueries.products(ranges, settings),
    )
    return rows.map((row) => ({ hash: row.hash, id: row.id, item: productItem(row) }))
  },
  stores: async (db, ranges, settings) => {
    const rows = await db.execute<StoreRow & { hash: number }>(itemQueries.stores(ranges, settings))
    return rows.map((row) => ({ hash: row.hash, id: row.id, item: storeItem(row) }))
  },
}

export type IdRange = { item: string; first: string; until: string | undefined }

/** Beyond every id, which has at most 255 characters. Not `null`: Postgres would read to the end of the list. */
const afterAll = '\u{10ffff}'.repeat(256)
const linkedIds = { products: sql.raw('l.store_id'), stores: sql.raw('l.product_id') } as const

/** The ids in parts of lists, comma-joined; null where there are none. */
export async function readIds(
  db: Queryable,
  feed: FeedName,
  ranges: readonly IdRange[],
): Promise<(string | null)[]> {
  const within = sql`${linkedIds[feed]} >= r.first collate "C" and ${linkedIds[feed]} < r.until collate "C"`
  const rows = await db.execute<{ ids: string | null }>(sql`
    select ${idsOf[feed](sql`r.item`, within)} as ids
    from unnest(
      ${sql.param(ranges.map(({ item }) => item))}::text[], ${sql.param(ranges.map(({ first }) => first))}::text[],
      ${sql.param(ranges.map(({ until }) => until ?? afterAll))}::text[]) with ordinality r(item, first, until, place)
    order by r.place`)
  return rows.map(({ ids }) => ids)
}

/** Read faster than an array. */
const categoriesAsJson = sql`to_json(t.categories) as categories`

/** What the feed has of each row, `as` it wants it where that is not as it is stored. */
function columns(fields: CatalogFields, as: Record<string, SQL>): SQL {
  const names = Object.keys(fields).filter((name) => fields[name]?.feed !== undefined)
  const selected = ['hash', 'id', ...names].map(
    (name) => as[name] ?? sql`t.${sql.identifier(name)}`,
  )
  return sql.join(selected, sql`, `)
}

export function hashIsIn(ranges: HashRange[]): SQL {
  const conditions = ranges.map(({ first, last }) => sql`t.hash between ${first} and ${last}`)
  return sql`(${sql.join(conditions, sql` or `)})`
}

/** What items the feed would hold in some ranges, in its order. */
export function readKeys(
  db: Queryable,
  feed: FeedName,
  ranges: HashRange[],
): Promise<Pick<HashedItem, 'hash' | 'id'>[]> {
  return db.execute(sql`
    select t.hash, t.id from ${sql.identifier(feed)} t where t.published and ${hashIsIn(ranges)} order by t.hash, t.id`)
}

/** How many items the feed would hold, and how many of them in some slots. */
export async function countTouched(
  db: Queryable,
  feed: FeedName,
  touched: number[],
  slots: number,
): Promise<{ items: number; touchedItems: number }> {
  const slot = sql`t.hash * ${slots}::int / ${hashCount}::int`
  const [row] = await db.execute<{ items: number; touched: number }>(sql`
    select count(*)::int as items, count(*) filter (where ${slot} = any(${sql.param(touched)}::int[]))::int as touched
    from ${sql.identifier(feed)} t where t.published`)
  return { items: row?.items ?? 0, touchedItems: row?.touched ?? 0 }
}

/** How many items the feed would hold, in all or in some ranges: what is published. */
export async function countItems(
  db: Queryable,
  feed: FeedName,
  ranges?: HashRange[],
): Promise<number> {
  const within = ranges ? sql`and ${hashIsIn(ranges)}` : sql``
  const [row] = await db.execute<{ items: number }>(
    sql`select count(*)::int as items from ${sql.identifier(feed)} t where t.published ${within}`,
  )
  return row?.items ?? 0
}
