/** Claims the messages that are due. */
import { eq, type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { type Metric, outbox, type QueueName } from '../db/schema/outbox.ts'
import { groupBy } from '../lib/group-by.ts'
import { longestPauseMs, type QueueState } from './queue.ts'

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

/** `Owner` is an order or a customer, as events and profiles are built from them. */
export type Claim<Owner> = {
  state: QueueState
  groups: readonly MessageGroup[]
  /** Of the owners that still exist, in any order; null when they were not read. */
  records: readonly Owner[] | null
}

type Claimed = Message & { owner: string; waits: boolean }
type ClaimRow<Owner> = QueueState & { messages: Claimed[]; records: Owner[] | null }

/**
 * Makes this transaction the queue's only sender; null when there is another. Claims up to about `limit` messages that are
 * due, live ones before history, unless the queue is paused. A group stops before a message that waits for its next
 * try, so a failing order holds back only itself. Claimed messages stay locked. Of up to `loadLimit` messages, the
 * records are read at once. To be called again in the same transaction when more may be due.
 */
export async function claimGroups<Owner>(
  tx: Queryable,
  queue: QueueName,
  sender: string,
  { limit, loadLimit = 0 }: { limit: number; loadLimit?: number },
): Promise<Claim<Owner> | null> {
  const [row] = await tx.execute<{ claim: ClaimRow<Owner> | null }>(sql`
    select ${sql.raw(`outbox_claim_${queue}`)}(${sender}, ${longestPauseMs}, ${limit}, ${loadLimit}) as claim`)
  if (!row?.claim) return null
  const { messages, records, ...state } = row.claim
  const groups = [...groupBy(messages, ({ owner }) => owner)].map(([owner, ofOwner]) => ({
    owner,
    messages: beforeWaiting(ofOwner),
  }))
  await postponeBlocked(tx, ownerColumns[queue], groups)
  const claimed = cutTo(limit, liveFirst(groups))
  // With the postponed ones out of the way, others may be due.
  if (claimed.length === 0 && groups.length > 0)
    return claimGroups(tx, queue, sender, { limit, loadLimit })
  return { state, groups: claimed, records }
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
