/** Retries and discards messages, one or all that match. */
import { and, eq, ne, type SQL, sql } from 'drizzle-orm'
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { metrics, outbox, type Status } from '../db/schema/outbox.ts'
import { AppError } from '../lib/errors.ts'
import { id, instant } from '../lib/fields.ts'
import { causeName, withCause } from './causes.ts'
import {
  type discardCounts,
  type MessageRecord,
  maxChanged,
  type retryCounts,
} from './event-schemas.ts'
import { conditionsOf, getMessage } from './messages.ts'
import { asPending } from './requeue.ts'

/** What was sent is with Klaviyo. */
const unsent = ['pending', 'failed', 'unsendable', 'discarded'] as const satisfies Status[]

const maxIds = 1_000

const filters = {
  status: z.enum(unsent).optional(),
  metric: z.enum(metrics).optional(),
  order_id: id.optional(),
  cause: causeName.optional().meta({ description: 'As /v1/events/errors names it' }),
  since: instant.optional().meta({ description: 'When it was written' }),
  until: instant.optional(),
}
const isFilter = (given: object) => Object.keys(filters).some((name) => name in given)

/** Which messages: those of the ids, or those that match all filters. */
const selection = z
  .strictObject({
    ids: z.array(z.int().min(1).max(Number.MAX_SAFE_INTEGER)).min(1).max(maxIds).optional(),
    ...filters,
    expected: z.int().min(0).max(maxChanged).optional().meta({
      description: 'How many must match; if others match by now, nothing is changed (409)',
    }),
    dry_run: z.boolean().optional().meta({ description: 'Count, change nothing' }),
  })
  .refine((given) => given.ids === undefined || !isFilter(given), {
    path: ['ids'],
    error: 'cannot be combined with filters',
  })
type Selection = z.infer<typeof selection>

export const retryInput = selection.meta({
  id: 'EventRetry',
  description: 'Without ids and status: failed messages',
})
export const discardInput = selection
  .refine((given) => given.ids !== undefined || given.status !== undefined, {
    path: ['status'],
    error: 'is missing: say which messages are discarded, by status or by ids',
  })
  .meta({ id: 'EventDiscard' })

type Change = PgUpdateSetSource<typeof outbox>
const asDiscarded = { status: 'discarded', settled_at: sql`now()` } as const

export async function retryMessages(
  db: Database,
  given: Selection,
): Promise<z.infer<typeof retryCounts>> {
  const isWhole = given.ids === undefined && given.status === undefined
  const { changed, ...others } = await changeMatching(
    db,
    isWhole ? { ...given, status: 'failed' } : given,
    asPending,
  )
  return { retried: changed, ...others }
}

export async function discardMessages(
  db: Database,
  given: Selection,
): Promise<z.infer<typeof discardCounts>> {
  const { changed, ...others } = await changeMatching(db, given, asDiscarded)
  return { discarded: changed, ...others }
}

type Changed = { matched: number; changed: number; skipped: number; more: boolean }

/**
 * Counts and locks in one statement, so that what is counted is what is changed. A message that is being sent is locked
 * until Klaviyo has answered: it is skipped, so that nobody waits for Klaviyo, and the answer decides what becomes of it.
 */
async function changeMatching(
  db: Database,
  { ids, expected, dry_run = false, ...filter }: Selection,
  change: Change,
): Promise<Changed> {
  const conditions = conditionsOf(await withCause(db, filter))
  if (ids) conditions.push(hasId(ids))
  return transaction(db, async (tx) => {
    const { count, locked } = await lockMatching(tx, conditions)
    const matched = Math.min(count, maxChanged)
    if (expected !== undefined && expected !== matched) throw notExpected(expected, matched)
    const more = count > maxChanged
    if (dry_run) return { matched, changed: 0, skipped: 0, more }
    await tx.update(outbox).set(change).where(hasId(locked))
    await tx.execute(wakeSenders)
    return { matched, changed: locked.length, skipped: matched - locked.length, more }
  })
}

async function lockMatching(tx: Queryable, conditions: readonly SQL[]) {
  const matches = sql.join([sql`status <> 'sent'`, ...conditions], sql` and `)
  const [row] = await tx.execute<{ count: number; locked: number[] }>(sql`
    with matching as materialized (
      select id from ${outbox} where ${matches} order by created_at, id limit ${maxChanged + 1}
    ), locked as materialized (
      select id from ${outbox} where id in (select id from matching limit ${maxChanged}) and ${matches}
      order by id for no key update skip locked
    )
    select (select count(*)::int from matching) as count,
      (select coalesce(json_agg(id), '[]') from locked) as locked`)
  return row ?? { count: 0, locked: [] }
}

const hasId = (ids: readonly number[]) =>
  sql`id in (select jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb)::bigint)`

const notExpected = (expected: number, matched: number) =>
  new AppError(
    'conflict',
    `${matched} messages match by now, and ${expected} were expected: nothing was changed. Look at them again.`,
  )

const wakeSenders = sql`select pg_notify('outbox', '')`

/** Sends it again under its own unique_id, so that Klaviyo counts it once. Waits for a message that is being sent. */
export function retryMessage(db: Queryable, messageId: number): Promise<MessageRecord> {
  return changeUnsent(
    db,
    messageId,
    asPending,
    'The message was already sent: Klaviyo would drop it as a duplicate.',
  )
}

/** Keeps the message and never sends it. Waits for a message that is being sent. */
export function discardMessage(db: Queryable, messageId: number): Promise<MessageRecord> {
  return changeUnsent(
    db,
    messageId,
    asDiscarded,
    'The message was already sent: Klaviyo cannot take it back.',
  )
}

async function changeUnsent(
  db: Queryable,
  messageId: number,
  change: Change,
  whySentConflicts: string,
): Promise<MessageRecord> {
  const changed = await db
    .update(outbox)
    .set(change)
    .where(and(eq(outbox.id, messageId), ne(outbox.status, 'sent')))
    .returning({ id: outbox.id })
  const message = await getMessage(db, messageId)
  if (changed.length === 0) throw new AppError('conflict', whySentConflicts)
  await db.execute(wakeSenders)
  return message
}
