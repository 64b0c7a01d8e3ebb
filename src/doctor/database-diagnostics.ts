/** In charge of checking the database and the messages in it. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { orders } from '../db/schema/orders.ts'
import { missingTriggers } from '../db/triggers.ts'
import { countMessages } from '../outbox/outbox-metrics.ts'
import { readDeliveryProblems } from '../outbox/queue.ts'
import { type Diagnostic, ok } from './diagnostic.ts'

const oldest = 150_000
const newest = 189_999
const skewAllowedMs = 2_000

export async function checkDatabase(db: Queryable): Promise<Diagnostic[]> {
  const area = 'database'
  const askedAt = Date.now()
  const [server] = await db.execute<{ number: number; version: string; now: number }>(sql`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as now`)
  const { number = 0, version = '', now = 0 } = server ?? {}
  const skewMs = Math.abs(now - (askedAt + Date.now()) / 2)
  const missing = await missingTriggers(db)
  const found: Diagnostic[] = [ok(area, `Postgres ${version} answers and has the shape it needs.`)]
  if (number < oldest || number > newest)
    found.push({
      level: 'warning',
      area,
      found: `Postgres ${version} is none that storefeed is tested with.`,
      advice: 'Use Postgres 15 to 18.',
    })
  if (skewMs > skewAllowedMs)
    found.push({
      level: 'warning',
      area,
      found: `Its clock and the one here are ${Math.round(skewMs / 1_000)} s apart.`,
      advice: 'Set both by NTP: times of events come from both.',
    })
  if (missing.length > 0)
    found.push({
      level: 'error',
      area,
      found: `Triggers are missing or switched off: ${missing.join(', ')}.`,
      advice:
        'Changes go unnoticed. Switch them on (alter table … enable trigger all), then run storefeed rebuild and storefeed backfill.',
    })
  return found
}

export async function checkMessages(db: Queryable): Promise<Diagnostic[]> {
  const area = 'messages'
  const { pending = 0, sent = 0, failed = 0, unsendable = 0 } = await countMessages(db)
  const found: Diagnostic[] = [ok(area, `${pending} wait, ${sent} were sent.`)]
  const erased = await countErasedOrders(db)
  if (erased > 0)
    found.push(ok(area, `Nothing more is sent of ${erased} orders: their customers were erased.`))
  for (const problem of await readDeliveryProblems(db))
    found.push({ level: 'error', area, found: problem, advice: 'Mend the key; messages are kept.' })
  if (failed > 0)
    found.push({
      level: 'warning',
      area,
      found: `Klaviyo refuses ${failed} messages.`,
      advice: 'GET /v1/events?status=failed tells why; mend the cause, then POST its retry.',
    })
  if (unsendable > 0)
    found.push({
      level: 'warning',
      area,
      found: `${unsendable} messages are about customers without e-mail or telephone.`,
      advice: 'GET /v1/events?status=unsendable lists them.',
    })
  return found
}

async function countErasedOrders(db: Queryable): Promise<number> {
  const [row] = await db.execute<{ count: number }>(
    sql`select count(*)::int as count from ${orders} where erased_at is not null`,
  )
  return row?.count ?? 0
}
