/** Measures the import of orders, their updates, customers and visits against \copy of the same rows into the same tables. */
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { importFiles, runPsql, secondsOf } from './psql.ts'
import { printTable, type Row } from './table.ts'
import { type Workbench, withWorkbench } from './workbench.ts'

const maxMegabytes = 250

/** The orders of a year: each customer buys three times, each order has two items. */
const files = {
  orders: (count: number) => `
    select 'o' || lpad(n::text, 7, '0') as id, timestamptz '2025-01-01' + n * interval '5 minutes' as placed_at,
      's' || n % 20 as store_id, 'USD' as currency, 30.00 as total,
      'c' || n * 7919 % ${Math.ceil(count / 3)} as "customer.id", 'c' || n * 7919 % ${Math.ceil(count / 3)} || '@klaviyo-demo.com' as "customer.email",
      'Anna' as "customer.first_name", 'Berg' as "customer.last_name", 'Boston' as "customer.city",
      'p' || (n * 31 + line * 17) % 1000 as "items.product_id", 'SKU-' || (n * 31 + line * 17) % 1000 as "items.sku",
      'Product' as "items.product_name", 1 as "items.quantity", 10.00 * line as "items.item_price"
    from generate_series(1, ${count}) n, generate_series(1, 2) line order by n, line`,
  'order-updates': (count: number) => `
    select 'o' || lpad(n::text, 7, '0') as order_id, 'fulfilled' as kind, 'f' as id,
      timestamptz '2025-01-01' + n * interval '5 minutes' as occurred_at
    from generate_series(1, ${count}) n`,
  customers: (count: number) => `
    select 'k' || n as id, 'k' || n || '@klaviyo-demo.com' as email, '+1617555' || lpad((n % 10000)::text, 4, '0') as phone_number,
      'Carl' as first_name, 'Dahl' as last_name, n || ' Main Street' as address1, 'Boston' as city
    from generate_series(1, ${count}) n`,
  visits: (count: number) => `
    select 'c' || n * 6101 % ${Math.ceil(count / 3)} as "customer.id", 's' || n % 20 as store_id,
      timestamptz '2025-06-01' + n * interval '5 minutes' as at
    from generate_series(1, ${count}) n`,
}

/** The columns that a load by SQL would give. */
const columns = {
  customers: 'id, email, phone_number, first_name, last_name, address1, city, known_at',
  orders: 'id, customer_id, store_id, placed_at, currency, total, digest',
  order_items: 'order_id, line, product_id, sku, product_name, quantity, item_price, row_total',
  order_updates: 'order_id, kind, id, occurred_at, digest',
  visits: 'customer_id, store_id, at',
}
type Table = keyof typeof columns

/** Which tables a file fills, of which the bench counts the rows. Customers of orders and visits are there before. */
const steps: { kind: keyof typeof files; tables: Table[]; target: string }[] = [
  { kind: 'orders', tables: ['customers', 'orders', 'order_items'], target: '>= 3000' },
  { kind: 'order-updates', tables: ['order_updates'], target: '' },
  { kind: 'visits', tables: ['visits'], target: '' },
  { kind: 'customers', tables: ['customers'], target: '' },
]

export async function benchOrderImports(orders: number): Promise<void> {
  const rows = await withWorkbench((bench) => measure(bench, orders))
  printTable(
    `${orders.toLocaleString('en')} orders with two items, as many updates, visits and customers`,
    rows,
  )
}

type Measured = { kind: string; target: string; rows: number; seconds: number; copySeconds: number }

async function measure(bench: Workbench, orders: number): Promise<Row[]> {
  const measured: Measured[] = []
  let megabytes = 0
  for (const { kind, tables, target } of steps) {
    const path = join(bench.folder, `${kind}.csv`)
    await runPsql(bench, [
      `\\copy (${files[kind](orders).replaceAll(/\s+/g, ' ')}) to '${path}' csv header`,
    ])
    const before = await countRows(bench, tables)
    const known = await keysOf(bench, tables)
    const seconds = await secondsOf(async () => {
      megabytes = Math.max(megabytes, await importFiles(bench, [path]))
    })
    const rows = (await countRows(bench, tables)) - before
    measured.push({
      kind,
      target,
      rows,
      seconds,
      copySeconds: await copyAgain(bench, tables, known),
    })
  }
  return [...measured.map(rowOf), memoryRow(megabytes)]
}

/** Compared by rows a second, not by the ratio: the import also finds each customer. */
function rowOf({ kind, target, rows, seconds, copySeconds }: Measured): Row {
  return {
    what: `import of ${kind}, rows/s (\\copy)`,
    ours: (rows / seconds).toFixed(0),
    peer: (rows / copySeconds).toFixed(0),
    ratio: target === '' ? copySeconds / seconds : rows / seconds,
    target,
  }
}

const memoryRow = (megabytes: number): Row => ({
  what: `peak memory of the import, MB (${maxMegabytes} allowed)`,
  ours: megabytes.toFixed(0),
  peer: '',
  ratio: megabytes / maxMegabytes,
  target: '<= 1.0',
})

async function countRows({ db }: Workbench, tables: Table[]): Promise<number> {
  let count = 0
  for (const table of tables) {
    const [row] = await db.execute<{ count: number }>(
      sql`select count(*)::int as count from ${sql.identifier(table)}`,
    )
    count += row?.count ?? 0
  }
  return count
}

/** A table of the customers that were there before. */
async function keysOf({ db }: Workbench, tables: Table[]): Promise<boolean> {
  await db.execute(sql`drop table if exists bench_known`)
  await db.execute(sql`create table bench_known as select id from customers`)
  return tables.includes('customers')
}

/** Takes out what the import wrote, and loads it again by psql, in one transaction: else each item would be an amendment. */
async function copyAgain(
  bench: Workbench,
  tables: Table[],
  withCustomers: boolean,
): Promise<number> {
  const fileOf = (table: Table) => join(bench.folder, `${table}.copy.csv`)
  const from = (table: Table) =>
    `\\copy (select ${columns[table]} from ${table} ${table === 'customers' ? 'where id not in (select id from bench_known)' : ''}) to '${fileOf(table)}' csv`
  await runPsql(bench, tables.map(from))
  for (const table of [...tables].reverse().filter((name) => name !== 'customers'))
    await bench.db.execute(sql`truncate ${sql.identifier(table)} cascade`)
  if (withCustomers)
    await bench.db.execute(sql`delete from customers where id not in (select id from bench_known)`)
  await bench.db.execute(sql`delete from outbox where order_id is null or not exists (
    select from orders where id = order_id
  ) or ${sql.raw(tables.includes('order_updates') ? "metric = 'fulfilled_order'" : 'false')}`)
  await bench.db.execute(sql`vacuum analyze`)
  await bench.db.execute(sql`checkpoint`)
  const to = (table: Table) => `\\copy ${table} (${columns[table]}) from '${fileOf(table)}' csv`
  return secondsOf(() => runPsql(bench, tables.map(to), '-1'))
}
