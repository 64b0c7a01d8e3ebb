/** Why messages failed: errors grouped by what they have in common. */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Queryable } from '../db/connection.ts'
import { outbox } from '../db/schema/outbox.ts'
import { mask } from '../lib/mask.ts'
import { errorHead, headCharacters } from './error-head.ts'
import type { CauseReport, EventCause } from './event-schemas.ts'
import { conditionsOf, type MessageFilter } from './messages.ts'

export const causeName = z.string().regex(/^[0-9a-f]{16}$/, 'must be the "cause" of a listed cause')

const maxMessages = 20_000
const maxCauses = 100

/** The filter with the cause of failed messages, or of those of the status that it names, as errors. */
export async function withCause(
  db: Queryable,
  filter: MessageFilter & { cause?: string | undefined },
): Promise<MessageFilter> {
  const { cause: wanted, ...others } = filter
  if (wanted === undefined) return others
  const failed = { ...others, status: others.status ?? 'failed' } as const
  const heads = (await readHeads(db, failed)).map(({ head }) => head)
  const described = await describeAll(heads)
  return { ...failed, errors: heads.filter((_, n) => nameOf(described[n] ?? '') === wanted) }
}

/** The most frequent first. */
export async function listCauses(db: Queryable, filter: MessageFilter): Promise<CauseReport> {
  const rows = await readHeads(db, filter)
  const described = await describeAll(rows.map(({ head }) => head))
  const causes = new Map<string, EventCause>()
  for (const [n, { count, first_at, last_at, last_id }] of rows.entries()) {
    const detail = described[n] ?? ''
    const known = causes.get(detail)
    causes.set(detail, {
      cause: nameOf(detail),
      detail,
      count: count + (known?.count ?? 0),
      first_at: earlier(first_at, known?.first_at),
      last_at: known && later(known.last_at, last_at) ? known.last_at : last_at,
      last_id: Math.max(last_id, known?.last_id ?? 0),
    })
  }
  const counted = rows.reduce((sum, { count }) => sum + count, 0)
  return {
    causes: [...causes.values()]
      .sort((one, other) => other.count - one.count || other.last_id - one.last_id)
      .slice(0, maxCauses),
    messages: counted,
    more: counted === maxMessages,
  }
}

const later = (one: string, other: string) => Date.parse(one) > Date.parse(other)
const earlier = (one: string, other = one) => (later(one, other) ? other : one)

type Head = { head: string; count: number; first_at: string; last_at: string; last_id: number }

/** Of the newest messages with an error. */
function readHeads(db: Queryable, filter: MessageFilter): Promise<Head[]> {
  const conditions = sql.join([sql`error is not null`, ...conditionsOf(filter)], sql` and `)
  return db.execute<Head>(sql`
    select head, count(*)::int as count, to_json(min(created_at)) #>> '{}' as first_at,
      to_json(max(created_at)) #>> '{}' as last_at, max(id)::float8 as last_id
    from (
      select id, created_at, ${errorHead} as head from ${outbox} where ${conditions}
      order by created_at desc, id desc limit ${maxMessages}
    ) as newest group by head`)
}

const atOnce = 500

/** Lets others run in between: at worst each message has an error of its own. */
async function describeAll(heads: readonly string[]): Promise<string[]> {
  const described: string[] = []
  for (const [n, head] of heads.entries()) {
    if (n % atOnce === atOnce - 1) await nextTurn()
    described.push(describe(head))
  }
  return described
}

/** What is personal goes first, then what tells one message from another: quoted values, places in a batch. */
const describe = (head: string) =>
  mask(head, headCharacters - 1)
    .replace(/"[^"]*"|“[^“”]*”|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}])/gu, '“…”')
    .replace(/\/\d+(?=\/|\b)/g, '/…')

const nameOf = (detail: string) => createHash('sha256').update(detail).digest('hex').slice(0, 16)
