/** In charge of messages as people see them: what waits, what was sent, what Klaviyo refused, and what to do about it. */

import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Queryable } from '../db/connection.ts'
import { timestamp } from '../db/parameters.ts'
import { metrics, outbox, type Status, statuses } from '../db/schema/outbox.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import { instant } from '../lib/fields.ts'
import { type Page, readCursor, writeCursor } from '../lib/pagination.ts'
import { readAlarms, withoutContent } from './outbox.ts'

export { metrics, statuses }

export const messageRecord = z
  .strictObject({
    id: z.int(),
    order_id: z.string().nullable(),
    customer_id: z.string().nullable(),
    metric: z.enum(metrics),
    ref: z.string().meta({ description: 'The line, or the id of the update; `visit` or `edit`' }),
    unique_id: z.string(),
    occurred_at: instant,
    backfill: z.boolean(),
    status: z.enum(statuses),
    attempts: z.int(),
    next_at: instant,
    error: z.string().nullable(),
    warnings: z.array(z.string()),
    payload: z.unknown().meta({ description: 'As it was sent last; null before' }),
    request_id: z.string().nullable().meta({ description: 'Klaviyo’s name for the request' }),
    sent_to: z.string().nullable().meta({ description: 'Klaviyo, or a sandbox' }),
    created_at: instant,
    settled_at: instant.nullable(),
  })
  .meta({ id: 'Event' })
export type MessageRecord = z.infer<typeof messageRecord>

export type MessageFilter = {
  status?: Status | undefined
  order_id?: string | undefined
  customer_id?: string | undefined
  metric?: (typeof metrics)[number] | undefined
  /** When it was written; ISO 8601 with an offset. */
  since?: string | undefined
  until?: string | undefined
}

/** What keeps messages from Klaviyo as a whole, in words for a person; empty when nothing does. */
export async function readDeliveryProblems(db: Queryable): Promise<string[]> {
  const alarms = await readAlarms(db)
  return alarms.map(
    ({ queue, alarm }) => `Klaviyo turns storefeed away, so ${queue} wait: ${alarm}`,
  )
}

/** Newest first, with the cursor of the next page, null on the last. */
export async function listMessages(
  db: Queryable,
  filter: MessageFilter,
  page: Page,
): Promise<{ messages: MessageRecord[]; nextCursor: string | null }> {
  const conditions = [sql`true`, ...conditionsOf(filter)]
  if (page.cursor !== undefined) conditions.push(before(page.cursor))
  const rows = await db.execute<{ record: MessageRecord }>(sql`
    select row_to_json(m) as record from ${outbox} m where ${sql.join(conditions, sql` and `)}
    order by created_at desc, id desc limit ${page.limit + 1}`)
  const messages = rows.slice(0, page.limit).map(({ record }) => record)
  const last = rows.length > page.limit ? messages.at(-1) : undefined
  return { messages, nextCursor: last ? writeCursor(`${last.created_at} ${last.id}`) : null }
}

function conditionsOf(filter: MessageFilter): SQL[] {
  const found: SQL[] = []
  for (const column of ['status', 'order_id', 'customer_id', 'metric'] as const) {
    const value = filter[column]
    if (value !== undefined) found.push(sql`${sql.identifier(column)} = ${value}`)
  }
  if (filter.status === 'pending') found.push(ofSomeQueue)
  if (filter.since !== undefined) found.push(sql`created_at >= ${timestamp(filter.since)}`)
  if (filter.until !== undefined) found.push(sql`created_at < ${timestamp(filter.until)}`)
  return found
}

/** True of every message; it leads Postgres to the indexes of what is due when little is. */
const ofSomeQueue = sql`(order_id is not null or customer_id is not null)`

function before(cursor: string): SQL {
  const [createdAt = '', id = ''] = readCursor(cursor).split(' ')
  if (instant.safeParse(createdAt).success && /^\d{1,15}$/.test(id))
    return sql`(created_at, id) < (${timestamp(createdAt)}, ${id}::bigint)`
  throw new AppError('invalid', 'The cursor is not one that this list gave.', [
    { field: 'cursor', detail: 'must be the next_cursor of an earlier page' },
  ])
}

export async function getMessage(db: Queryable, id: number): Promise<MessageRecord> {
  const [row] = await db.execute<{ record: MessageRecord }>(
    sql`select row_to_json(m) as record from ${outbox} m where id = ${id}`,
  )
  return row?.record ?? recordNotFound('message', String(id))
}

/** As new: only what is settled is forgotten in time. */
const toPending = sql`status = 'pending', next_at = now(), settled_at = null, attempts = 0, ${withoutContent}`
const nudge = sql`select pg_notify('outbox', '')`

/** Sends it again under its own unique_id, so that Klaviyo counts it once. A message under way is waited for first. */
export function retryMessage(db: Queryable, id: number): Promise<MessageRecord> {
  return change(db, id, {
    set: toPending,
    from: sql`status <> 'sent'`,
    refusal: 'It is sent already: Klaviyo would drop it as a repeat.',
  })
}

/** Keeps it, and never sends it. */
export function discardMessage(db: Queryable, id: number): Promise<MessageRecord> {
  return change(db, id, {
    set: sql`status = 'discarded', settled_at = now()`,
    from: sql`status <> 'sent'`,
    refusal: 'It is sent already, and Klaviyo takes nothing back.',
  })
}

/** Answers how many. */
export async function retryFailed(db: Queryable): Promise<number> {
  const again = await db.execute(
    sql`update ${outbox} set ${toPending} where id in (
      select id from ${outbox} where status = 'failed' order by id for no key update
    ) returning 1`,
  )
  await db.execute(nudge)
  return again.length
}

async function change(
  db: Queryable,
  id: number,
  { set, from, refusal }: { set: SQL; from: SQL; refusal: string },
): Promise<MessageRecord> {
  const changed = await db.execute(
    sql`update ${outbox} set ${set} where id = ${id} and ${from} returning 1`,
  )
  const message = await getMessage(db, id)
  if (changed.length === 0) throw new AppError('conflict', refusal)
  await db.execute(nudge)
  return message
}
