/** Messages as people see them: list and read. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray, timestamp } from '../db/parameters.ts'
import {
  type Metric,
  metrics,
  outbox,
  outboxQueues,
  type Status,
  statuses,
} from '../db/schema/outbox.ts'
import { AppError, recordNotFound } from '../lib/errors.ts'
import { instant } from '../lib/fields.ts'
import { type Page, readCursor, writeCursor } from '../lib/pagination.ts'
import { errorHead } from './error-head.ts'
import type { MessageRecord } from './event-schemas.ts'

export { metrics, statuses }

export type MessageFilter = {
  status?: Status | undefined
  order_id?: string | undefined
  customer_id?: string | undefined
  unique_id?: string | undefined
  metric?: Metric | undefined
  with_warnings?: boolean | undefined
  /** When it was written; ISO 8601 with an offset. */
  since?: string | undefined
  until?: string | undefined
  /** Beginnings of errors, as `errorHead` cuts them. */
  errors?: readonly string[] | undefined
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
    select row_to_json(r) as record from (
      ${withPause} where ${sql.join(conditions, sql` and `)}
      order by created_at desc, id desc limit ${page.limit + 1}
    ) r`)
  const messages = rows.slice(0, page.limit).map(({ record }) => record)
  const last = rows.length > page.limit ? messages.at(-1) : undefined
  return { messages, nextCursor: last ? writeCursor(`${last.created_at} ${last.id}`) : null }
}

/** What waits is told why it does. */
const withPause = sql`
  select m.*, p.paused_until, p.pause_reason from ${outbox} m left join lateral (
    select paused_until, coalesce(alarm, pause_reason) as pause_reason from ${outboxQueues}
    where m.status = 'pending' and queue = case when m.order_id is null then 'profiles' else 'events' end
      and paused_until > now() and coalesce(alarm, pause_reason) is not null
  ) p on true`

export function conditionsOf(filter: MessageFilter): SQL[] {
  const conditions: SQL[] = []
  for (const column of ['status', 'order_id', 'customer_id', 'unique_id', 'metric'] as const) {
    const value = filter[column]
    if (value !== undefined) conditions.push(sql`${sql.identifier(column)} = ${value}`)
  }
  if (filter.with_warnings !== undefined)
    conditions.push(filter.with_warnings ? sql`warnings <> '[]'` : sql`warnings = '[]'`)
  if (filter.status === 'pending') conditions.push(inAQueue)
  if (filter.since !== undefined) conditions.push(sql`created_at >= ${timestamp(filter.since)}`)
  if (filter.until !== undefined) conditions.push(sql`created_at < ${timestamp(filter.until)}`)
  if (filter.errors !== undefined)
    conditions.push(sql`${errorHead} = any(${textArray(filter.errors)})`)
  return conditions
}

/** True of every message; it lets Postgres use the partial indexes of due messages. */
const inAQueue = sql`(order_id is not null or customer_id is not null)`

function before(cursor: string): SQL {
  const [createdAt = '', id = ''] = readCursor(cursor).split(' ')
  if (instant.safeParse(createdAt).success && /^\d{1,15}$/.test(id))
    return sql`(created_at, id) < (${timestamp(createdAt)}, ${id}::bigint)`
  throw new AppError('invalid', 'The cursor is not one that this server gave.', [
    { field: 'cursor', detail: 'must be the next_cursor of an earlier page' },
  ])
}

export async function getMessage(db: Queryable, id: number): Promise<MessageRecord> {
  const [row] = await db.execute<{ record: MessageRecord }>(
    sql`select row_to_json(r) as record from (${withPause} where id = ${id}) r`,
  )
  return row?.record ?? recordNotFound('message', String(id))
}
