/** Kills senders and lets Klaviyo fail in every way while orders are written, then audits what was sent. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import type { Database } from '../../../src/db/connection.ts'
import type { RunningSandbox } from '../../../src/klaviyo-sandbox/listen.ts'
import { seedOrders } from '../seed.ts'

const program = fileURLToPath(new URL('sending-process.ts', import.meta.url))

export type Chaos = {
  db: Database
  databaseUrl: string
  sandbox: RunningSandbox
  /** Four messages each. */
  orders: number
  kills: number
}

/** Matches the unique_id of one in a thousand of 50,000 messages, of a few more when there are fewer. */
export const badPattern = '^o\\dx(13|513|613|713|813)_SKU-1$'

export type Audit = {
  messages: number
  lost: number
  twice: number
  outOfOrder: number
  failed: number
  /** Failed though good, or good in spite of being bad, or without a reason. */
  misclassified: number
  seconds: number
}

export async function runChaos(chaos: Chaos): Promise<Audit> {
  const began = performance.now()
  const senders = await Promise.all([startSender(chaos), startSender(chaos)])
  try {
    const writing = writeOrders(chaos)
    await killAtRandom(chaos, senders)
    await writing
    await untilSettled(chaos.db)
    return { ...(await audit(chaos)), seconds: (performance.now() - began) / 1_000 }
  } finally {
    for (const sender of senders) sender.kill('SIGKILL')
  }
}

async function startSender({ databaseUrl, sandbox }: Chaos): Promise<ChildProcess> {
  const args = ['--import', 'tsx', program, databaseUrl, sandbox.url]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  if (child.stdout) await once(child.stdout, 'data')
  return child
}

const transactions = 10

async function writeOrders({ db, orders }: Chaos): Promise<void> {
  const each = Math.ceil(orders / transactions)
  for (let part = 0; part < transactions; part++) {
    await seedOrders(db, each, { prefix: `o${part}x`, fulfilled: true })
    await sleep(100)
  }
}

/** A killed sender is replaced at once, as by a process manager. */
async function killAtRandom(chaos: Chaos, senders: ChildProcess[]): Promise<void> {
  for (let kill = 0; kill < chaos.kills; kill++) {
    await sleep(300 + Math.random() * 700)
    const victim = kill % senders.length
    senders[victim]?.kill('SIGKILL')
    senders[victim] = await startSender(chaos)
  }
}

/** Shortens the retry delays: the last messages would take minutes. */
async function untilSettled(db: Database): Promise<void> {
  for (;;) {
    const [row] = await db.execute<{ waiting: number }>(sql`
      select count(*)::int as waiting from outbox where status = 'pending'`)
    if (row?.waiting === 0) return
    await db.execute(sql`
      update outbox set next_at = now() where status = 'pending' and next_at > now() + interval '2 seconds'`)
    await sleep(250)
  }
}

type SettledMessage = {
  order_id: string
  unique_id: string
  name: string
  status: string
  error: string | null
}

async function audit({ db, sandbox }: Chaos): Promise<Omit<Audit, 'seconds'>> {
  const messages = await db.execute<SettledMessage>(sql`
    select order_id, unique_id, initcap(replace(metric, '_', ' ')) as name, status, error
    from outbox where order_id is not null order by id`)
  const { entries } = sandbox.state.account.eventLog
  const places = new Map(
    entries.map((entry, place) => [`${entry.metric} ${entry.uniqueId}`, place]),
  )
  const placeOf = ({ name, unique_id }: SettledMessage) => places.get(`${name} ${unique_id}`)
  const good = messages.filter(({ status }) => status === 'sent')
  return {
    messages: messages.length,
    lost: good.filter((message) => placeOf(message) === undefined).length,
    twice: entries.length - places.size,
    outOfOrder: countOutOfOrder(good, (message) => placeOf(message) ?? 0),
    failed: messages.length - good.length,
    misclassified: messages.filter(isMisclassified).length,
  }
}

function countOutOfOrder(
  messages: SettledMessage[],
  placeOf: (message: SettledMessage) => number,
): number {
  const lastOf = new Map<string, number>()
  return messages.filter((message) => {
    const early = placeOf(message) < (lastOf.get(message.order_id) ?? -1)
    lastOf.set(message.order_id, placeOf(message))
    return early
  }).length
}

function isMisclassified({ unique_id, status, error }: SettledMessage): boolean {
  if (!new RegExp(badPattern).test(unique_id)) return status !== 'sent'
  return status !== 'failed' || !error?.includes('reject this unique_id')
}
