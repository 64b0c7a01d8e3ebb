/** Claims the messages that are due. */
import { eq, type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { type Metric, outbox, type QueueName } from '../db/schema/outbox.ts'
import { groupBy } from '../lib/group-by.ts'
import { isOurs } from './queue.ts'

export type Message = {
  id: number
  metric: Metric
  ref: string
  unique_id: string
  backfill: boolean
  attempts: number
}

/** Messages of one order or one customer, in the order of its history. */
export type MessageGroup = { owner: string; messages: Message[] }

/** The column that names a message's owner; the partial indexes know the queues by it. */
const ownerColumns: Record<QueueName, SQL> = {
  events: sql`order_id`,
  profiles: sql`customer_id`,
}

type Claimed = Message & { owner: string; waits: boolean }

/**
 * Up to about `limit` messages that are due, live ones before history. A group stops before a message that waits
 * for its next try, so a failing order holds back only itself. Claimed messages stay locked: a
 * discard at the same time waits and then finds them settled.
 */
export async function claimGroups(
  tx: Queryable,
  queue: QueueName,
  limit: number,
): Promise<MessageGroup[]> {
  const owner = ownerColumns[queue]
  const rows = await lockGroups(tx, owner, limit)
  const groups = [...groupBy(rows, (row) => row.owner)].map(([name, messages]) => ({
    owner: name,
    messages: beforeWaiting(messages),
  }))
  await postponeBlocked(tx, owner, groups)
  const claimed = cutTo(limit, liveFirst(groups))
  // With the postponed ones out of the way, others may be due.
  return claimed.length === 0 && groups.length > 0 ? claimGroups(tx, queue, limit) : claimed
}

/**
 * Two look-ups by index, one within the other, and no self-join: the usual "no earlier one pending" becomes quadratic
 * as soon as a plan for it was made when the table was empty. Groups are found by their owner and by
 * nothing else: `|| ''` and `+ 0` keep Postgres from reading all that is due, or all ids,
 * which it prefers when it takes the table for empty. Cut by id, every order keeps its first
 * messages; where live messages and history meet, nothing is cut before the live ones are put first.
 */
async function lockGroups(tx: Queryable, owner: SQL, limit: number): Promise<Claimed[]> {
  const due = (backfill: boolean) => sql`(
    select ${owner} as owner, backfill, next_at, id from ${outbox}
    where status = 'pending' and ${owner} is not null and backfill = ${sql.raw(String(backfill))} and next_at <= now() and ${isOurs}
    order by next_at, id limit ${limit})`
  return tx.execute<Claimed>(sql`
    with due as materialized (
      select owner, backfill from (${due(false)} union all ${due(true)}) as due
      order by backfill, next_at, id limit ${limit}
    )
    select ${owner} as owner, id::float8, metric, ref, unique_id, backfill, attempts, next_at > now() as waits
    from ${outbox} where status || '' = 'pending' and ${owner} = any(array(select owner from due))
    order by outbox.id + 0
    limit (select case when bool_and(backfill) = bool_or(backfill) then ${limit}::int end from due)
    for no key update`)
}

function beforeWaiting(messages: Claimed[]): Claimed[] {
  const waiting = messages.findIndex((message) => message.waits)
  return waiting < 0 ? messages : messages.slice(0, waiting)
}

/** Messages behind one that waits become due together with it, so that no batch reads them before. */
async function postponeBlocked(tx: Queryable, owner: SQL, groups: MessageGroup[]): Promise<void> {
  const blocked = groups.filter((group) => group.messages.length === 0).map((group) => group.owner)
  if (blocked.length === 0) return
  await tx.execute(sql`
    update ${outbox} o set next_at = first.next_at
    from (
      select distinct on (${owner}) ${owner} as owner, next_at from ${outbox}
      where ${owner} = any(${textArray(blocked)}) and status = 'pending' order by ${owner}, id
    ) as first
    where o.${owner} = first.owner and o.status = 'pending' and o.next_at < first.next_at`)
}

function liveFirst(groups: MessageGroup[]): MessageGroup[] {
  const isLive = ({ messages }: MessageGroup) => messages.some(({ backfill }) => !backfill)
  return [...groups.filter(isLive), ...groups.filter((group) => !isLive(group))]
}

/** The first `limit` messages. */
export function cutTo(limit: number, groups: readonly MessageGroup[]): MessageGroup[] {
  let room = limit
  return groups.flatMap((group) => {
    const messages = group.messages.slice(0, Math.max(0, room))
    room -= messages.length
    return messages.length > 0 ? [{ ...group, messages }] : []
  })
}

/** All messages of an order, whatever their status. */
export async function messagesOfOrder(db: Queryable, orderId: string): Promise<MessageGroup> {
  const { id, metric, ref, unique_id, backfill, attempts } = outbox
  const messages = await db
    .select({ id, metric, ref, unique_id, backfill, attempts })
    .from(outbox)
    .where(eq(outbox.order_id, orderId))
    .orderBy(id)
  return { owner: orderId, messages }
}
