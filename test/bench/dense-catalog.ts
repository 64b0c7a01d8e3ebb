/** A chain whose stores sell most of what there is: each of them four fifths of all products. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../../src/db/connection.ts'
import { makeProducts, makeStores, vacuumCatalog } from './catalog.ts'

export type DenseShape = { products: number; stores: number }

/** Lists of 40,000 products a store up to 8M links, of 80,000 beyond. */
export function shapeOf(links: number): DenseShape {
  const products = links <= 8_000_000 ? 50_000 : 100_000
  return { products, stores: Math.max(2, Math.round(links / (products * 0.8))) }
}

/** Links without triggers and with their indexes made at the end, which takes half the time; no feed is marked as changed. */
export async function makeDenseCatalog(
  db: Queryable,
  { products, stores }: DenseShape,
): Promise<void> {
  await makeStores(db, stores)
  await makeProducts(db, products)
  await db.execute(
    sql.raw(`
    alter table product_stores disable trigger all;
    alter table product_stores drop constraint product_stores_product_id_store_id_pk;
    drop index product_stores_by_store;
    insert into product_stores (product_id, store_id)
      select 'p' || n, 's' || k from generate_series(1, ${products}) n, generate_series(1, ${stores}) k where (n + k) % 5 <> 0;
    alter table product_stores add constraint product_stores_product_id_store_id_pk primary key (product_id, store_id);
    create index product_stores_by_store on product_stores (store_id, product_id);
    alter table product_stores enable trigger all;
    delete from feed_changes`),
  )
  await vacuumCatalog(db)
  await db.execute(sql`checkpoint`)
}

const isSold = (n: number, k: number) => (n + k) % 5 !== 0

/** A product that this store sells, another one for each `round`. */
export function soldProduct(round: number, store: number, { products }: DenseShape): number {
  const n = 1 + ((round * 7919) % products)
  return isSold(n, store) ? n : 1 + (n % products)
}

/** The joins of both feeds by the best SQL we know, for COPY to write as text. */
export const bestCopies = [
  `copy (
    select t.id, t.title, t.link, t.description, t.price, t.image_link, t.categories, t.sku, t.brand, t.inventory_quantity, t.inventory_policy, t.metadata,
      (select string_agg(x.store_id, ',') from (select l.store_id from product_stores l
        where l.product_id = t.id and l.store_id <> all(array(select s.id from stores s where not s.published)) order by l.store_id) x) as store_ids
    from products t where t.published order by t.hash, t.id) to stdout`,
  `copy (
    select t.id, t.title, t.link, t.description, t.image_link, t.categories, t.location, t.address1, t.address2, t.city, t.region, t.zip, t.country, t.phone, t.latitude, t.longitude, t.metadata,
      (select string_agg(x.product_id, ',') from (select l.product_id from product_stores l
        where l.store_id = t.id and not exists (select from products p where p.id = l.product_id and not p.published) order by l.product_id) x) as product_ids
    from stores t where t.published order by t.hash, t.id) to stdout`,
]
