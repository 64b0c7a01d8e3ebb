/** What measurements of the push wing have in common: a database, empty tables, programs that run beside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/db/connection.ts'
import { seedOrders } from '../klaviyo/seed.ts'

export type Measured = { what: string; measured: string; target: string; reached: boolean }

export type Place = { db: Database; databaseUrl: string }

export const senderProgram = fileURLToPath(
  new URL('../klaviyo/sender/sending-process.ts', import.meta.url),
)
export const mainProgram = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

const klaviyoBulkPerMinute = 150_000
/** Events a second that a sender is to reach under Klaviyo's limit. */
export const bulkTarget = (0.9 * klaviyoBulkPerMinute) / 60

export async function empty(db: Database): Promise<void> {
  await db.execute(
    sql`truncate orders, customers, order_items, order_updates, visits, outbox, stores cascade`,
  )
  await db.execute(sql`update outbox_queues set requests = '{}', paused_until = null, alarm = null`)
}

const ordersAtOnce = 1_000

/** In transactions as small as the README advises. */
export async function seedManyOrders(db: Database, orders: number): Promise<void> {
  for (let first = 0; first < orders; first += ordersAtOnce)
    await seedOrders(db, Math.min(ordersAtOnce, orders - first), { prefix: `o${first}x` })
}

/** Resolves when the program says that it runs; `url` is what it says it listens at. */
export async function start(args: string[]): Promise<ChildProcess & { url: string }> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await once(child.stdout, 'data')
  return Object.assign(child, { url: /http:\S+/.exec(String(said))?.[0] ?? '' })
}

/** How often the sandbox said 429. */
export async function throttled(sandboxUrl: string): Promise<number> {
  const answer = await fetch(`${sandboxUrl}/sandbox/stats`)
  return JSON.parse(await answer.text()).requests.throttled
}
