/** Changes of 10,000 products in one request, their dry runs and undos, and suggestions, at a catalog of 100,000. */
import { sql } from 'drizzle-orm'
import { makeCatalog } from './catalog.ts'
import { printTable, type Row } from './table.ts'
import { type BenchServer, withWorkbench } from './workbench.ts'

const products = 100_000
const maxSeconds = 5

/** Ten thousand, by their price. */
const tenth = { price_min: 451, price_max: 500.99 }

const changes: [string, string, object][] = [
  [
    'price of 10,000 products',
    '/v1/products/bulk',
    { where: tenth, price: { percent: 0.1, decimals: 3 } },
  ],
  [
    'category of 10,000 products',
    '/v1/products/bulk',
    { where: tenth, categories: { add: ['Sale'] } },
  ],
  ['hide 10,000 products', '/v1/products/bulk', { where: tenth, patch: { published: false } }],
  [
    'sell 10,000 products in 5 stores',
    '/v1/availability/bulk',
    { products: { where: tenth }, stores: { where: { q: 'number' } }, action: 'add' },
  ],
  [
    'stop selling 10,000 products in 5 stores',
    '/v1/availability/bulk',
    { products: { where: tenth }, stores: { where: { q: 'number' } }, action: 'remove' },
  ],
  ['delete 10,000 products', '/v1/products/bulk', { where: tenth, remove: true }],
]

export async function benchBulk(): Promise<void> {
  const rows = await withWorkbench(async (bench) => {
    await makeCatalog(bench.db, products)
    // 10,000 of one price range, and 5 stores by their names.
    await bench.db.execute(sql`update products set price = 451 + hash % 50 where id like '%7'`)
    await bench.db.execute(
      sql`update products set price = 1 where id not like '%7' and price >= 451`,
    )
    await bench.db.execute(
      sql`update stores set title = 'Shop' where id like 's%' and substr(id, 2)::int > 5`,
    )
    await bench.db.execute(sql`vacuum analyze products`)
    const server = await bench.startServer()
    try {
      const measured: Row[] = []
      for (const [what, path, body] of changes) {
        const dry = await secondsOf(server, 'POST', path, { ...body, dry_run: true })
        measured.push(row(`${what}: dry run`, dry))
        const applied = await secondsOf(server, 'POST', path, body)
        measured.push(row(what, applied))
        // Of a removal with more than 50,000 links there is none.
        if (!('price' in body || 'categories' in body || 'patch' in body)) continue
        const undo = `/v1/changes/${applied.changeId}/undo`
        measured.push(
          row('undo: dry run', await secondsOf(server, 'POST', undo, { dry_run: true })),
        )
        measured.push(row('undo', await secondsOf(server, 'POST', undo, {})))
      }
      const values = '/v1/catalog/values?of=products&field=categories'
      measured.push(row('suggested categories, first', await secondsOf(server, 'GET', values)))
      measured.push(row('suggested categories, kept', await secondsOf(server, 'GET', values)))
      return measured
    } finally {
      await server.stop()
    }
  })
  printTable(
    `bulk changes at ${products.toLocaleString('en')} products, s (${maxSeconds} allowed)`,
    rows,
  )
}

type Timed = { seconds: number; changed: unknown; changeId: string | null }

async function secondsOf(
  server: BenchServer,
  method: string,
  path: string,
  body?: object,
): Promise<Timed> {
  const headers = { Authorization: `Bearer ${server.key}`, 'Content-Type': 'application/json' }
  const started = performance.now()
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  const response = await fetch(`${server.url}${path}`, { method, headers, ...sent })
  const answer = Object(await response.json())
  if (response.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer)}`)
  return {
    seconds: (performance.now() - started) / 1000,
    changed: answer.changed ?? answer.restored ?? '',
    changeId: response.headers.get('Change-Id'),
  }
}

const row = (what: string, { seconds, changed }: Timed): Row => ({
  what,
  ours: seconds.toFixed(3),
  peer: String(changed),
  ratio: seconds / maxSeconds,
  // What links take follows from their two foreign keys.
  target: what.includes('in 5 stores') ? '' : '<= 1.0',
})
