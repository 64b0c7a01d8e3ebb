/** The catalogs the bench works on: made by SQL, ten stores to a product, texts of a usual length. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../../src/db/connection.ts'

const storesPerProduct = 10
const stores = 200

/** With its feed changes, as a merchant's own bulk load leaves it; vacuumed, so that autovacuum does not run while measuring. */
export async function makeCatalog(db: Queryable, products: number): Promise<void> {
  await makeStores(db, stores)
  await makeProducts(db, products)
  await db.execute(sql`
    insert into product_stores (product_id, store_id)
    select 'p' || n, 's' || 1 + (n * 31 + k * 17) % ${stores} from generate_series(1, ${products}) n, generate_series(0, ${storesPerProduct - 1}) k
    order by 1, 2`)
  await vacuumCatalog(db)
}

export async function makeStores(db: Queryable, count: number): Promise<void> {
  await db.execute(sql`
    insert into stores (id, title, location, address1, city, region, zip, country, country_code, phone, latitude, longitude, link, image_link)
    select 's' || n, 'Store number ' || n, 'City ' || n, n || ' Main Street', 'City ' || n, 'MA', lpad(n::text, 5, '0'), 'United States', 'US',
      '+1617555' || lpad(n::text, 4, '0'), 42 + n / 1000.0, -71 - n / 1000.0,
      'https://shop.klaviyo-demo.com/stores/' || n, 'https://shop.klaviyo-demo.com/img/stores/' || n || '.jpg'
    from generate_series(1, ${count}) n`)
}

export async function makeProducts(db: Queryable, count: number): Promise<void> {
  await db.execute(sql`
    insert into products (id, sku, title, description, link, image_link, price, categories, brand, inventory_quantity, inventory_policy, metadata)
    select 'p' || n, 'SKU-' || n, 'Product number ' || n || ' in ' || (array['red', 'green', 'blue', 'oak', 'copper'])[1 + n % 5],
      'What there is to say of product ' || n || ': ' || md5(n::text) || ' and ' || md5((n * 7)::text) || ', made to last.',
      'https://shop.klaviyo-demo.com/products/' || n, 'https://shop.klaviyo-demo.com/img/products/' || n || '.jpg',
      (n % 50000) / 100.0 + 1, array['Category ' || n % 40, 'Season ' || n % 4], 'Brand ' || n % 300, n % 500, 1, jsonb_build_object('color', 'color ' || n % 20)
    from generate_series(1, ${count}) n`)
}

export async function vacuumCatalog(db: Queryable): Promise<void> {
  for (const table of ['products', 'stores', 'product_stores'])
    await db.execute(sql`vacuum (analyze) ${sql.identifier(table)}`)
}

/** The join that the product feed is made of, for COPY to write as text. */
export const copyOfProducts = `copy (
  select t.id, t.title, t.link, t.description, t.price, t.image_link, t.categories, t.sku, t.brand, t.inventory_quantity, t.inventory_policy, t.metadata,
    (select string_agg(l.store_id, ',' order by l.store_id) from product_stores l
      where l.product_id = t.id and l.store_id <> all(array(select s.id from stores s where not s.published))) as store_ids
  from products t where t.published order by t.hash, t.id) to stdout`
