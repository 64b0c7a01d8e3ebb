/** The bench of the pull wing: one table for each size of catalog. */
import { sql } from 'drizzle-orm'
import { makeCatalog } from './catalog.ts'
import { measureBuild, memoryWhileBuilding, residentMegabytes } from './feed-builds.ts'
import { measureEdits, priceEdit } from './feed-edits.ts'
import { measurePolls } from './feed-polls.ts'
import { measureWriters } from './feed-writers.ts'
import { printTable, type Row } from './table.ts'
import { withWorkbench } from './workbench.ts'

type Measured = { products: number; editMs: number; memory: number }

/** `sizes` are numbers of products, each sold in ten stores. The first is what others are compared with. */
export async function benchFeeds(sizes: number[]): Promise<void> {
  const measured: Measured[] = []
  for (const products of sizes) measured.push(await benchSize(products))
  const [smallest, largest] = [measured.at(0), measured.at(-1)]
  if (!smallest || !largest || smallest === largest) return
  printTable(`${largest.products} products beside ${smallest.products}`, [
    {
      what: 'one edit to fresh poll, median ms',
      ours: largest.editMs.toFixed(1),
      peer: smallest.editMs.toFixed(1),
      ratio: largest.editMs / smallest.editMs,
      target: '<= 2.0',
    },
    {
      what: 'memory while building, MB above idle',
      ours: largest.memory.toFixed(0),
      peer: smallest.memory.toFixed(0),
      ratio: largest.memory / smallest.memory,
      target: '',
    },
  ])
}

function benchSize(products: number): Promise<Measured> {
  return withWorkbench(async (bench) => {
    const server = await bench.startServer()
    const idle = await residentMegabytes(server)
    await makeCatalog(bench.db, products)
    const memory = await memoryWhileBuilding(server, products, idle)
    // What the build has left Postgres to write is no part of an edit.
    await bench.db.execute(sql`checkpoint`)
    const editMs = await measureEdits(server, priceEdit(bench, products))
    const rows: Row[] = [
      {
        what: 'memory while building, MB above idle',
        ours: memory.toFixed(0),
        peer: '350 allowed',
        ratio: memory / 350,
        target: '<= 1.0',
      },
      {
        what: 'one edit to fresh poll, median ms',
        ours: editMs.toFixed(1),
        peer: '15 allowed',
        ratio: editMs / 15,
        target: products <= 100_000 ? '<= 1.0' : '',
      },
      ...(await measurePolls(bench, server, products)),
      await measureWriters(bench, server, products),
    ]
    await bench.db.execute(sql`vacuum analyze`)
    rows.push(await measureBuild(bench, products))
    printTable(`${products} products, each in 10 stores`, rows)
    return { products, editMs, memory }
  })
}
