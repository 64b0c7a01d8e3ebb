/** Measuring whole builds of a feed: their time beside COPY of the same join, and the memory of the server that makes them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { refresh } from '../../src/feeds/refresh.ts'
import { rendererOf } from '../../src/feeds/renderer.ts'
import { copyOfProducts } from './catalog.ts'
import { findProgram } from './processes.ts'
import { median, type Row } from './table.ts'
import type { BenchServer, Workbench } from './workbench.ts'

const rounds = 3

/** JSON and XML, from nothing, beside the same join as text to a psql that throws it away. */
export async function measureBuild({ db, databaseUrl }: Workbench, products: number): Promise<Row> {
  const psql = await findProgram('psql')
  const builds: number[] = []
  const copies: number[] = []
  for (let round = 0; round < rounds; round++) {
    if (psql) copies.push(await timed(() => copyOut(psql, databaseUrl, copyOfProducts)))
    await db.execute(sql`delete from feed_chunks where feed = 'products'`)
    await db.execute(sql`delete from feed_state where feed = 'products'`)
    builds.push(
      await timed(async () => {
        const { outcome } = await refresh(db, 'products', {
          ...rendererOf({ currency: 'USD', storeProductIds: true }),
          maxDrop: 1,
        })
        if (outcome !== 'fresh') throw new Error(`nothing was built: ${outcome}`)
      }),
    )
  }
  const [build, copy] = [median(builds), median(copies)]
  return {
    what: 'whole build, JSON and XML, ms (COPY of the join as text)',
    ours: build.toFixed(0),
    peer: psql ? copy.toFixed(0) : 'psql is not installed',
    ratio: psql ? build / copy : null,
    target: products === 100_000 ? '<= 1.8' : '',
  }
}

export async function copyOut(psql: string, databaseUrl: string, copy: string): Promise<void> {
  const child = spawn(psql, [databaseUrl, '-qc', copy], { stdio: 'ignore' })
  const [status] = await once(child, 'exit')
  if (status !== 0) throw new Error(`psql ended with ${status}`)
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

export async function residentMegabytes({ pid }: BenchServer): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024
}

/** The most memory the server holds, above what it held idle, until both feeds are built and the one of products holds `items`. */
export async function memoryWhileBuilding(
  server: BenchServer,
  items: number,
  idle: number,
): Promise<number> {
  let most = 0
  for (;;) {
    most = Math.max(most, (await residentMegabytes(server)) - idle)
    if (await areBuilt(server, items)) return most
    await delay(100)
  }
}

async function areBuilt({ url, key }: BenchServer, items: number): Promise<boolean> {
  const response = await fetch(`${url}/v1/feeds`, { headers: { Authorization: `Bearer ${key}` } })
  const text = await response.text()
  const isFresh = (feed: string) => text.includes(`"feed":"${feed}","state":"fresh"`)
  return isFresh('products') && isFresh('stores') && text.includes(`"items":${items},`)
}
