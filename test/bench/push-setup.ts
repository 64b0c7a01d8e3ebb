/** What the push benchmarks share: a database, empty tables, programs in processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/db/connection.ts'
import { seedOrders } from '../klaviyo/seed.ts'

export type Measurement = { what: string; measured: string; target: string; reached: boolean }

export type BenchDatabase = { db: Database; databaseUrl: string }

export const senderProgram = fileURLToPath(
  new URL('../klaviyo/sender/sending-process.ts', import.meta.url),
)
export const mainProgram = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

const klaviyoBulkPerMinute = 150_000
/** Events per second that a sender must reach under Klaviyo's limit. */
export const bulkTarget = (0.9 * klaviyoBulkPerMinute) / 60

export async function emptyTables(db: Database): Promise<void> {
  await db.execute(
    sql`truncate orders, customers, order_items, order_updates, visits, outbox, stores cascade`,
  )
  await db.execute(sql`update outbox_queues set requests = '{}', paused_until = null, alarm = null`)
}

const ordersAtOnce = 1_000

/** In small transactions, as the documentation advises. */
export async function seedManyOrders(db: Database, orders: number): Promise<void> {
  for (let first = 0; first < orders; first += ordersAtOnce)
    await seedOrders(db, Math.min(ordersAtOnce, orders - first), { prefix: `o${first}x` })
}

/** Resolves at the program's first output; `url` is the URL in it. */
export async function start(args: string[]): Promise<ChildProcess & { url: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await once(child.stdout, 'data')
  return Object.assign(child, { url: /http:\S+/.exec(String(output))?.[0] ?? '' })
}

/** How many requests the sandbox answered with 429. */
export async function countThrottled(sandboxUrl: string): Promise<number> {
  const response = await fetch(`${sandboxUrl}/sandbox/stats`)
  return JSON.parse(await response.text()).requests.throttled
}
