/** Measuring writers: products put by REST while the server refreshes, beside the same transactions by drizzle alone. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { saveRecord } from '../../src/catalog/catalog-writes.ts'
import { productResource } from '../../src/catalog/products.ts'
import { connect } from '../../src/db/connection.ts'
import { startRecording } from '../../src/db/recording.ts'
import { findProgram, load } from './processes.ts'
import type { Row } from './table.ts'
import type { BenchServer, Workbench } from './workbench.ts'

const clients = 8
/** Before what counts, on both sides: a new process is slow. */
const warmUpSeconds = 15
const seconds = 20
/** The worker is to work as often as it does in the long run, not just to rest. */
const refreshesMeanwhile = 2
const mostRounds = 9

export async function measureWriters(
  bench: Workbench,
  server: BenchServer,
  products: number,
): Promise<Row> {
  const what = `PUT of a product while the worker refreshes, ${clients} clients, /s (drizzle alone)`
  const wrk = await findProgram('wrk')
  if (!wrk)
    return { what, ours: 'skipped: wrk is not installed', peer: '', ratio: null, target: '' }
  const byRest = await putByRest(wrk, bench, server, products)
  await server.stop()
  const alone = await putAlone(bench.databaseUrl, products)
  return {
    what,
    ours: byRest.toFixed(0),
    peer: alone.toFixed(0),
    ratio: byRest / alone,
    target: '>= 0.85',
  }
}

/** Writes a second, over whole rounds, until the worker has refreshed as often as it is to. */
async function putByRest(
  wrk: string,
  bench: Workbench,
  { url, key }: BenchServer,
  products: number,
): Promise<number> {
  const script = join(bench.folder, 'put.lua')
  await writeFile(script, puts(products))
  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }
  const put = (seconds: number) =>
    load(wrk, url, { seconds, connections: clients, headers, script })
  await put(warmUpSeconds)
  const before = await versionOf(bench)
  const rates: number[] = []
  while ((await versionOf(bench)) - before < refreshesMeanwhile) {
    if (rates.length === mostRounds) throw new Error('the worker hardly refreshed meanwhile')
    rates.push(await put(seconds))
  }
  return rates.reduce((sum, rate) => sum + rate, 0) / rates.length
}

async function versionOf({ db }: Workbench): Promise<number> {
  const [row] = await db.execute<{ version: number }>(
    sql`select version::float8 as version from feed_state where feed = 'products'`,
  )
  return row?.version ?? 0
}

/** The same products as `draftOf`, in the same order; each run of it writes other titles. */
const puts = (products: number) => `
  local started = os.time()
  local written = 0
  request = function()
    written = written + 1
    local id = "p" .. (1 + (written * ${stride}) % ${products})
    local body = string.format(
      '{"id":"%s","title":"Put %d at %d","price":%.2f,"categories":["Category 1"]}',
      id, written, started, written / 4)
    return wrk.format("PUT", "/v1/products/" .. id, nil, body)
  end
`

/** A prime, so that one after another every product is written. */
const stride = 7919

const draftOf = (written: number, products: number) => ({
  id: `p${1 + ((written * stride) % products)}`,
  title: `Put ${written} at ${performance.now()}`,
  price: written / 4,
  categories: ['Category 1'],
})

/** The history records what is written by REST. */
const author = { via: 'rest', keyId: null, name: null } as const

async function putAlone(databaseUrl: string, products: number): Promise<number> {
  const { db, close } = connect(databaseUrl, { max: clients })
  async function perSecond(seconds: number) {
    const end = performance.now() + seconds * 1000
    let written = 0
    async function client() {
      while (performance.now() < end)
        await saveRecord(
          db.recorded(startRecording(author)),
          productResource,
          draftOf(++written, products),
        )
    }
    await Promise.all(Array.from({ length: clients }, client))
    return written / seconds
  }
  await perSecond(warmUpSeconds)
  const rate = await perSecond(seconds)
  await close()
  return rate
}
