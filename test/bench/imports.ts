/** Measures `storefeed import` against psql's \copy of the same rows into the same tables, triggers included. */
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { makeCatalog } from './catalog.ts'
import { benchOrderImports } from './order-imports.ts'
import { hasPsql, importFiles, runPsql, secondsOf } from './psql.ts'
import { printTable, type Row } from './table.ts'
import { type Workbench, withWorkbench } from './workbench.ts'

const maxMegabytes = 250
const orders = 20_000
const productColumns =
  'id, sku, title, description, link, image_link, price, brand, inventory_quantity, inventory_policy'

export async function benchImports(sizes: number[]): Promise<void> {
  if (!(await hasPsql())) {
    process.stdout.write('psql is not installed: there is nothing to compare the import with.\n')
    return
  }
  for (const size of sizes) {
    const rows = await withWorkbench((bench) => measureImport(bench, size))
    printTable(`${size.toLocaleString('en')} products with 10 availabilities each`, rows)
  }
  await benchOrderImports(orders)
}

/** Both read the same files: categories and metadata are left out, since COPY writes them differently. */
async function measureImport(bench: Workbench, products: number): Promise<Row[]> {
  const productFile = join(bench.folder, 'products.csv')
  const linkFile = join(bench.folder, 'availability.csv')
  await makeCatalog(bench.db, products)
  await runPsql(bench, [
    `\\copy (select ${productColumns} from products) to '${productFile}' csv header`,
    `\\copy (select product_id, store_id from product_stores) to '${linkFile}' csv header`,
  ])
  await emptyCatalog(bench)
  const copySeconds = await secondsOf(() =>
    runPsql(bench, [
      `\\copy products (${productColumns}) from '${productFile}' csv header`,
      `\\copy product_stores (product_id, store_id) from '${linkFile}' csv header`,
    ]),
  )
  await emptyCatalog(bench)
  let megabytes = 0
  const importSeconds = await secondsOf(async () => {
    megabytes = await importFiles(bench, [productFile, linkFile])
  })
  await assertAllImported(bench, products)
  const rows = products * 11
  return [
    {
      what: 'storefeed import, rows/s (\\copy)',
      ours: (rows / importSeconds).toFixed(0),
      peer: (rows / copySeconds).toFixed(0),
      ratio: copySeconds / importSeconds,
      target: '>= 0.3',
    },
    {
      what: `peak memory of the import, MB (${maxMegabytes} allowed)`,
      ours: megabytes.toFixed(0),
      peer: '',
      ratio: megabytes / maxMegabytes,
      target: '<= 1.0',
    },
  ]
}

async function emptyCatalog({ db }: Workbench): Promise<void> {
  await db.execute(sql`truncate products, product_stores, feed_changes`)
  await db.execute(sql`vacuum analyze`)
  await db.execute(sql`checkpoint`)
}

async function assertAllImported({ db }: Workbench, products: number): Promise<void> {
  const [found] = await db.execute<{ products: number; links: number }>(sql`
    select (select count(*) from products)::int as products, (select count(*) from product_stores)::int as links`)
  if (found?.products !== products || found.links !== 10 * products)
    throw new Error(`imported ${JSON.stringify(found)} of ${products}`)
}
