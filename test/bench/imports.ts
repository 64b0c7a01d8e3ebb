/** Measures `storefeed import` against psql's \copy of the same rows into the same tables, triggers included. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { sql } from 'drizzle-orm'
import { makeCatalog } from './catalog.ts'
import { printTable, type Row } from './table.ts'
import { type Workbench, withWorkbench } from './workbench.ts'

const runFile = promisify(execFile)
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const maxMegabytes = 250
const productColumns =
  'id, sku, title, description, link, image_link, price, brand, inventory_quantity, inventory_policy'

export async function benchImports(sizes: number[]): Promise<void> {
  const psql = await runFile('psql', ['--version']).catch(() => null)
  if (!psql) {
    process.stdout.write('psql is not installed: there is nothing to compare the import with.\n')
    return
  }
  for (const size of sizes) {
    const rows = await withWorkbench((bench) => measureImport(bench, size))
    printTable(`${size.toLocaleString('en')} products with 10 availabilities each`, rows)
  }
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

async function runPsql({ databaseUrl }: Workbench, commands: string[]): Promise<void> {
  const given = commands.flatMap((command) => ['-c', command])
  await runFile('psql', [databaseUrl, '-q', '-v', 'ON_ERROR_STOP=1', ...given])
}

/** Returns the peak memory of the process in megabytes, which Linux reports while it runs. */
async function importFiles({ databaseUrl }: Workbench, files: string[]): Promise<number> {
  const child = spawn(process.execPath, [main, 'import', ...files], {
    env: { ...process.env, DATABASE_URL: databaseUrl },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let peak = Number.NaN
  const watching = setInterval(() => {
    readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => {
        const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(status) ?? []
        if (kilobytes !== undefined) peak = Number(kilobytes) / 1024
      },
      () => undefined,
    )
  }, 200)
  const [code] = await once(child, 'exit')
  clearInterval(watching)
  if (code !== 0) throw new Error(`the import ended with ${code}`)
  return peak
}

async function assertAllImported({ db }: Workbench, products: number): Promise<void> {
  const [found] = await db.execute<{ products: number; links: number }>(sql`
    select (select count(*) from products)::int as products, (select count(*) from product_stores)::int as links`)
  if (found?.products !== products || found.links !== 10 * products)
    throw new Error(`imported ${JSON.stringify(found)} of ${products}`)
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1_000
}
