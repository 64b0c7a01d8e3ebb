/** In charge of measuring writers: products put by REST while the server refreshes, beside the same transactions by drizzle alone. */
import { Agent, request } from 'node:http'
import { sql } from 'drizzle-orm'
import { connect, type Database } from '../../src/db/connect.ts'
import { saveRecord } from '../../src/services/catalog-writes.ts'
import { type ProductDraft, productKind } from '../../src/services/products.ts'
import type { Row } from './table.ts'
import type { BenchServer, Workbench } from './workbench.ts'

const clients = 8
/** Before what counts, on both sides: a new process is slow. */
const warmUpSeconds = 3
/** Long enough for the worker to work and to rest, which it does for up to ten seconds. */
const seconds = 20

export async function measureWriters(
  bench: Workbench,
  server: BenchServer,
  products: number,
): Promise<Row> {
  const agent = new Agent({ keepAlive: true })
  const before = await versionOf(bench)
  const byRest = await warmPerSecond(products, (draft) => putByRest(agent, server, draft))
  const refreshes = (await versionOf(bench)) - before
  if (refreshes < 2) throw new Error(`the worker refreshed ${refreshes} times meanwhile`)
  agent.destroy()
  await server.stop()
  const alone = connect(bench.databaseUrl, { max: clients })
  const byDrizzle = await warmPerSecond(products, (draft) => saveAlone(alone.db, draft))
  await alone.close()
  return {
    what: `PUT of a product while the worker refreshes, ${clients} clients, /s (drizzle alone)`,
    ours: byRest.toFixed(0),
    peer: byDrizzle.toFixed(0),
    ratio: byRest / byDrizzle,
    target: '>= 0.6',
  }
}

async function versionOf({ db }: Workbench): Promise<number> {
  const [row] = await db.execute<{ version: number }>(
    sql`select version::float8 as version from feed_state where feed = 'products'`,
  )
  return row?.version ?? 0
}

/** By node's own client: beside drizzle alone, a client must not be what is measured. */
function putByRest(agent: Agent, { url, key }: BenchServer, draft: ProductDraft): Promise<void> {
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  return new Promise((resolve, reject) => {
    request(`${url}/v1/products/${draft.id}`, { method: 'PUT', agent, headers }, (response) => {
      response.resume().once('end', resolve)
      if (response.statusCode !== 200) reject(new Error(`PUT answered ${response.statusCode}`))
    })
      .once('error', reject)
      .end(JSON.stringify(draft))
  })
}

const saveAlone = (db: Database, draft: ProductDraft) => saveRecord(db, productKind, draft)

type Write = (draft: ProductDraft) => Promise<unknown>

async function warmPerSecond(products: number, write: Write): Promise<number> {
  await perSecond(products, warmUpSeconds, write)
  return perSecond(products, seconds, write)
}

/** Each client writes one product after another, none of them twice. */
async function perSecond(products: number, seconds: number, write: Write): Promise<number> {
  const end = performance.now() + seconds * 1000
  let written = 0
  async function client() {
    while (performance.now() < end) {
      const number = 1 + ((written * 7919) % products)
      written++
      await write({
        id: `p${number}`,
        title: `Put ${written} at ${performance.now()}`,
        price: written / 4,
        categories: ['Category 1'],
      })
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  return written / seconds
}
