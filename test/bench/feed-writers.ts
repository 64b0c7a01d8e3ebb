/** In charge of measuring writers: products put by REST while the server refreshes, beside the same transactions by drizzle alone. */
import { Agent, request } from 'node:http'
import { connect, type Database } from '../../src/db/connect.ts'
import { saveRecord } from '../../src/services/catalog-writes.ts'
import { type ProductDraft, productKind } from '../../src/services/products.ts'
import type { Row } from './table.ts'
import type { BenchServer, Workbench } from './workbench.ts'

const clients = 8
const seconds = 5

export async function measureWriters(
  bench: Workbench,
  server: BenchServer,
  products: number,
): Promise<Row> {
  const agent = new Agent({ keepAlive: true })
  const byRest = await perSecond(products, (draft) => putByRest(agent, server, draft))
  agent.destroy()
  await server.stop()
  const alone = connect(bench.databaseUrl, { max: clients })
  const byDrizzle = await perSecond(products, (draft) => saveAlone(alone.db, draft))
  await alone.close()
  return {
    what: `PUT of a product while the worker refreshes, ${clients} clients, /s (drizzle alone)`,
    ours: byRest.toFixed(0),
    peer: byDrizzle.toFixed(0),
    ratio: byRest / byDrizzle,
    target: '>= 0.6',
  }
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

/** Each client writes one product after another, none of them twice. */
async function perSecond(
  products: number,
  write: (draft: ProductDraft) => Promise<unknown>,
): Promise<number> {
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
