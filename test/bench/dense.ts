/** The bench of long id lists: what an edit, a build and a withdrawn store cost where every store sells almost everything. */
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { feedFormats, feedNames } from '../../src/db/schema/feeds.ts'
import { deflateText } from '../../src/feeds/deflate.ts'
import { formatters } from '../../src/feeds/formatters.ts'
import { readItems } from '../../src/feeds/item-rows.ts'
import { rendererOf } from '../../src/feeds/renderer.ts'
import {
  bestCopies,
  type DenseShape,
  makeDenseCatalog,
  shapeOf,
  soldProduct,
} from './dense-catalog.ts'
import { copyOut, memoryWhileBuilding, residentMegabytes, timed } from './feed-builds.ts'
import { type Edit, measureEdits, priceEdit } from './feed-edits.ts'
import { findProgram } from './processes.ts'
import { watchStalls } from './stalls.ts'
import { printTable, type Row, rowOf } from './table.ts'
import { type BenchServer, type Workbench, withWorkbench } from './workbench.ts'

type Measured = { links: number; linkMs: number; memory: number; rows: Row[] }

/** The first size is what the last is compared with. */
export async function benchDense(sizes: number[]): Promise<void> {
  const measured: Measured[] = []
  for (const links of sizes) {
    const one = await benchSize(links)
    printTable(`${links} links`, one.rows)
    measured.push(one)
  }
  const [smallest, largest] = [measured.at(0), measured.at(-1)]
  if (!smallest || !largest || smallest === largest) return
  printTable(`${largest.links} links beside ${smallest.links}`, [
    rowOf('one link to fresh stores.json, ms', largest.linkMs, smallest.linkMs, '<= 1.5'),
    rowOf('memory while building, MB above idle', largest.memory, smallest.memory, ''),
  ])
}

function benchSize(links: number): Promise<Measured> {
  const shape = shapeOf(links)
  return withWorkbench(async (bench) => {
    const idle = await idleMegabytes(bench)
    await makeDenseCatalog(bench.db, shape)
    // A server that ran meanwhile would have built feeds without links, and be waiting for locks.
    await bench.db.execute(sql`truncate feed_state, feed_chunks, feed_lists`)
    const copyMs = await measureCopies(bench)
    const server = await bench.startServer()
    const stalls = watchStalls(server)
    let memory = 0
    const buildMs = await timed(async () => {
      memory = await memoryWhileBuilding(server, shape.products, idle)
    })
    const stallMs = await stalls.stop()
    await bench.db.execute(sql`checkpoint`)
    // Of the longest lists loading takes longer than a poll waits.
    await untilFresh(server)
    const linkMs = await measureEdits(server, linkEdit(bench, shape))
    const titleMs = await measureEdits(server, priceEdit(bench, shape.products))
    const rows = [
      rowOf('first build of both feeds, ms (COPY of the best joins)', buildMs, copyMs, '<= 2.0'),
      rowOf('memory while building, MB above idle (allowed)', memory, 250, '<= 1.0'),
      rowOf('longest stall while building, ms (allowed)', stallMs, 50, '<= 1.0'),
      rowOf('one link to fresh stores.json, median ms (allowed)', linkMs, 12, '<= 1.0'),
      rowOf('one price to fresh products.json, median ms (allowed)', titleMs, 12, '<= 1.0'),
      await measureWithdrawal(bench, server, shape),
    ]
    return { links, linkMs, memory, rows }
  })
}

/** Beside an empty database. */
async function idleMegabytes(bench: Workbench): Promise<number> {
  const server = await bench.startServer()
  await delay(1000)
  const idle = await residentMegabytes(server)
  await server.stop()
  return idle
}

async function measureCopies({ databaseUrl }: Workbench): Promise<number> {
  const psql = await findProgram('psql')
  if (!psql) return Number.NaN
  return timed(async () => {
    for (const copy of bestCopies) await copyOut(psql, databaseUrl, copy)
  })
}

/** Removes a link and, the next time, adds it again. */
const linkEdit =
  ({ db }: Workbench, shape: DenseShape) =>
  async (round: number): Promise<Edit> => {
    const pair = Math.floor(round / 2)
    const store = 1 + (pair % shape.stores)
    const id = `s${store}`
    const product = `p${soldProduct(pair, store, shape)}`
    const isAdded = round % 2 === 1
    await db.execute(
      isAdded
        ? sql`insert into product_stores (product_id, store_id) values (${product}, ${id})`
        : sql`delete from product_stores where product_id = ${product} and store_id = ${id}`,
    )
    const [row] = await db.execute<{ hash: number }>(sql`select hash from stores where id = ${id}`)
    const isIn = (item: string) => new RegExp(`[",]${product}[",]`).test(item) === isAdded
    return { feed: 'stores', id, hash: row?.hash ?? 0, isIn }
  }

/** Until both feeds are fresh, beside reading, formatting and deflating the items of the products that the store sells. */
async function measureWithdrawal(
  { db }: Workbench,
  server: BenchServer,
  shape: DenseShape,
): Promise<Row> {
  const items = Math.round(shape.products * 0.8)
  const alone = (await timed(() => renderProducts(db))) * 0.8
  await untilFresh(server)
  const whole = await timed(async () => {
    await db.execute(sql`update stores set published = false where id = 's1'`)
    await untilFresh(server)
  })
  return rowOf(
    `a store withdrawn, both feeds fresh, ms (rendering its ${items} items)`,
    whole,
    alone,
    '<= 3.0',
  )
}

const settings = rendererOf({ currency: 'USD', storeProductIds: true })

async function renderProducts(db: Workbench['db']): Promise<void> {
  for (let first = 0; first < 16_384; first += 1024) {
    const read = await readItems.products(db, [{ first, last: first + 1023 }], settings)
    for (const format of feedFormats) {
      const { item, separator } = formatters.products[format]
      await deflateText(Buffer.from(read.map((one) => item(one.item)).join(separator)))
    }
  }
}

/** By polls, which do not wait for the pauses of the background refresh. */
async function untilFresh({ url }: BenchServer): Promise<void> {
  const states = feedNames.map(async (feed) => {
    for (;;) {
      const { headers } = await fetch(`${url}/feeds/${feed}.json`, { method: 'HEAD' })
      if (headers.get('X-Feed-State') === 'fresh') return
    }
  })
  await Promise.all(states)
}
