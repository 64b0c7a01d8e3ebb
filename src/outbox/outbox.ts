/** In charge of the outbox: claiming the messages that are due, and settling what became of them. */
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'
import { orders } from '../db/schema/orders.ts'
import {
  type Metric,
  outbox,
  outboxQueues,
  outboxRequeues,
  outboxSettings,
  type QueueName,
  type Status,
} from '../db/schema/outbox.ts'

export type Message = {
  id: number
  metric: Metric
  ref: string
  unique_id: string
  backfill: boolean
  attempts: number
}

/** The messages of one order or one customer that are due, in the order of its history. */
export type MessageGroup = { owner: string; messages: Message[] }

/** What became of a message. `payload` is the JSON text as it was sent. */
export type Outcome = { id: number; request_id?: string | null; warnings?: string[] } & (
  | { status: 'sent'; payload: string }
  | { status: 'failed'; payload: string; error: string }
  | { status: 'unsendable'; error: string }
  | { status: 'pending'; error: string; delay_ms: number }
)

export type QueueState = {
  /** Null when nothing holds the queue up. */
  paused_ms: number | null
  requests: Record<string, Record<string, number>>
}

/** The column that says whose history a message belongs to; the partial indexes know the queues by it. */
const owners: Record<QueueName, SQL> = {
  events: sql`order_id`,
  profiles: sql`customer_id`,
}

/**
 * Makes this transaction the queue's only sender. Null when there is another. The lock goes with the
 * transaction, so that of a killed process falls with its socket. Postgres is told that an answer from
 * outside may take long, not to compile queries that are over sooner, and to go by indexes whatever
 * its statistics say: in an outbox they are always late.
 */
export async function acquireQueue(tx: Queryable, queue: QueueName): Promise<QueueState | null> {
  const [state] = await tx.execute<QueueState & { entered: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtext(${`storefeed.outbox.${queue}`})) as entered, requests,
      set_config('idle_in_transaction_session_timeout', '10min', true), set_config('jit', 'off', true),
      set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
      case when paused_until > now() then ceil(extract(epoch from paused_until - now()) * 1000)::int end as paused_ms
    from ${outboxQueues} where queue = ${queue}`)
  return state?.entered ? state : null
}

/**
 * Sets pending again what could not be sent for want of an e-mail or telephone, where triggers note that
 * there is one now. What is old by now is history: no flow shall greet a buyer of last month.
 * To be called under the queue's lock: then no other sender can find the same unsendable once more.
 */
export async function requeueUnsendable(tx: Queryable): Promise<void> {
  await tx.execute(sql`
    with noted as (delete from ${outboxRequeues} returning customer_id)
    update ${outbox} set status = 'pending', next_at = now(), settled_at = null, attempts = 0, ${withoutContent},
      backfill = backfill or occurred_at < now() - (select backfill_after from ${outboxSettings})
    where status = 'unsendable' and order_id in (
      select id from ${orders} where customer_id in (select customer_id from noted)
    )`)
}

export type QueueCheckpoint = {
  requests: QueueState['requests']
  pauseMs: number
  /** Why Klaviyo turned the sender away; null when it did not. */
  alarm: string | null
}

/** Leaves behind what the queue's next sender must know. */
export async function releaseQueue(
  tx: Queryable,
  queue: QueueName,
  left: QueueCheckpoint,
): Promise<void> {
  await tx.execute(sql`
    update ${outboxQueues} set requests = ${JSON.stringify(left.requests)}::jsonb,
      paused_until = clock_timestamp() + ${left.pauseMs} * interval '1 ms',
      alarm = ${left.alarm}::text, alarm_at = case when ${left.alarm}::text is not null then now() end
    where queue = ${queue}`)
}

/**
 * Up to about `limit` messages, live ones before history. A run stops before a message that waits for
 * its next try, so an order is held back by its own faults only. What is claimed stays locked: a
 * discard at the same time waits and then finds it settled.
 *
 * Two look-ups by index, one within the other, and no self-join: the textbook's "no earlier one pending" goes quadratic
 * as soon as a plan for it was made when the table was empty. The runs are found by their owner and by
 * nothing else: `|| ''` and `+ 0` keep Postgres from walking through all that is due, or through all ids,
 * which it likes when it takes the table for empty. Cut by id, every order keeps its first
 * messages; where live ones and history meet, nothing is cut before the live ones are put first.
 */
export async function claimGroups(
  tx: Queryable,
  queue: QueueName,
  limit: number,
): Promise<MessageGroup[]> {
  const owner = owners[queue]
  const due = (backfill: boolean) => sql`(
    select ${owner} as owner, backfill, next_at, id from ${outbox}
    where status = 'pending' and ${owner} is not null and backfill = ${sql.raw(String(backfill))} and next_at <= now()
    order by next_at, id limit ${limit})`
  const rows = await tx.execute<Claimed>(sql`
    with due as materialized (
      select owner, backfill from (${due(false)} union all ${due(true)}) as due
      order by backfill, next_at, id limit ${limit}
    )
    select ${owner} as owner, id::float8, metric, ref, unique_id, backfill, attempts, next_at > now() as waits
    from ${outbox} where status || '' = 'pending' and ${owner} = any(array(select owner from due))
    order by outbox.id + 0
    limit (select case when bool_and(backfill) = bool_or(backfill) then ${limit}::int end from due)
    for no key update`)
  const runs = new Map<string, Claimed[]>()
  for (const row of rows) {
    const run = runs.get(row.owner)
    if (run) run.push(row)
    else runs.set(row.owner, [row])
  }
  const claimed = [...runs].map(([name, messages]) => ({
    owner: name,
    messages: untilWaiting(messages),
  }))
  await holdBack(tx, owner, claimed)
  const free = cutTo(limit, liveFirst(claimed))
  // With those that wait out of the way, others may be due.
  return free.length === 0 && runs.size > 0 ? claimGroups(tx, queue, limit) : free
}

function liveFirst(runs: MessageGroup[]): MessageGroup[] {
  const isLive = ({ messages }: MessageGroup) => messages.some(({ backfill }) => !backfill)
  return [...runs.filter(isLive), ...runs.filter((run) => !isLive(run))]
}

type Claimed = Message & { owner: string; waits: boolean }

function untilWaiting(messages: Claimed[]): Claimed[] {
  const waiting = messages.findIndex((message) => message.waits)
  return waiting < 0 ? messages : messages.slice(0, waiting)
}

/** Those behind a message that waits become due with it, so that no round meets them again before. */
async function holdBack(tx: Queryable, owner: SQL, runs: MessageGroup[]): Promise<void> {
  const blocked = runs.filter((run) => run.messages.length === 0).map((run) => run.owner)
  if (blocked.length === 0) return
  await tx.execute(sql`
    update ${outbox} o set next_at = first.next_at
    from (
      select distinct on (${owner}) ${owner} as owner, next_at from ${outbox}
      where ${owner} = any(${textArray(blocked)}) and status = 'pending' order by ${owner}, id
    ) as first
    where o.${owner} = first.owner and o.status = 'pending' and o.next_at < first.next_at`)
}

function cutTo(limit: number, runs: MessageGroup[]): MessageGroup[] {
  let room = limit
  return runs.flatMap((run) => {
    const messages = run.messages.slice(0, Math.max(0, room))
    room -= messages.length
    return messages.length > 0 ? [{ ...run, messages }] : []
  })
}

/** Must run in the transaction that claimed them, so that nothing is settled that was not sent under the lock. */
export async function settle(
  tx: Queryable,
  outcomes: readonly Outcome[],
  sentTo: string,
): Promise<void> {
  if (outcomes.length === 0) return
  await tx.execute(sql`
    update ${outbox} o set
      status = s.status,
      attempts = o.attempts + case when s.status = 'unsendable' then 0 else 1 end,
      next_at = case when s.status = 'pending' then clock_timestamp() + s.delay_ms * interval '1 ms' else o.next_at end,
      settled_at = case when s.status <> 'pending' then clock_timestamp() end,
      error = s.error,
      warnings = coalesce(array(select json_array_elements_text(s.warnings)), '{}'),
      payload = coalesce(s.payload, o.payload),
      request_id = s.request_id,
      sent_to = case when s.status = 'sent' then ${sentTo}::text end
    from json_to_recordset(${asJson(outcomes)}::json)
      as s(id bigint, status text, error text, warnings json, payload json, request_id text, delay_ms float8)
    where o.id = s.id`)
}

/** The payload is JSON text already and goes in as it is. */
function asJson(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => {
    if (!('payload' in outcome)) return JSON.stringify(outcome)
    const { payload, ...rest } = outcome
    return `${JSON.stringify(rest).slice(0, -1)},"payload":${payload}}`
  })
  return `[${rows.join(',')}]`
}

/** The one rule for trying again: after 1 s, 2 s, 4 s … up to an hour, each shortened by chance by up to half. */
export function retryDelayMs(attempts: number): number {
  return Math.min(3_600_000, 1_000 * 2 ** attempts) * (0.5 + Math.random() / 2)
}

/** About five days of trying. */
export const maxAttempts = 160

/** All messages of an order, whatever became of them. */
export async function messagesOfOrder(db: Queryable, orderId: string): Promise<MessageGroup> {
  const messages = await db.execute<Message>(sql`
    select id::float8, metric, ref, unique_id, backfill, attempts
    from ${outbox} where order_id = ${orderId} order by outbox.id`)
  return { owner: orderId, messages: [...messages] }
}

/** Why Klaviyo turned storefeed away, by queue; empty when it does not. */
export async function readAlarms(db: Queryable): Promise<{ queue: QueueName; alarm: string }[]> {
  return db.execute<{ queue: QueueName; alarm: string }>(
    sql`select queue, alarm from ${outboxQueues} where alarm is not null order by queue`,
  )
}

/** How many messages there are of each status. */
export async function countMessages(db: Queryable): Promise<Partial<Record<Status, number>>> {
  const rows = await db.execute<{ status: Status; count: number }>(
    sql`select status, count(*)::int as count from ${outbox} group by status`,
  )
  const counts: Partial<Record<Status, number>> = {}
  for (const { status, count } of rows) counts[status] = count
  return counts
}

/** What a message tells of a person: what was sent, what Klaviyo found bad in it, and what was left out. */
export const withoutContent = sql`payload = null, error = null, warnings = '{}'`

const forgottenAtOnce = 10_000

/** Empties what was settled that long ago; that it was sent stays known. Answers how many; to be called again until none. */
export async function purgePayloads(db: Queryable, days: number): Promise<number> {
  const forgotten = await db.execute(sql`
    update ${outbox} set ${withoutContent} where id in (
      select id from ${outbox}
      where settled_at < now() - ${days} * interval '1 day'
        and (payload is not null or error is not null or warnings <> '{}')
      limit ${forgottenAtOnce}
    ) returning 1`)
  return forgotten.length
}
