/** The state of both queues, in one answer that is cheap enough to be asked for by every page. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox, outboxQueues, type QueueName, queueNames } from '../db/schema/outbox.ts'
import type { QueueSummary } from './event-schemas.ts'
import { countUnsent } from './outbox-metrics.ts'

type Counted = Pick<QueueSummary, 'pending' | 'failed' | 'unsendable' | 'discarded'>
type Settled = Pick<
  QueueSummary,
  'queue' | 'last_sent_at' | 'sent_last_hour' | 'sent_last_day' | 'failed_last_day'
>
type Waiting = Pick<
  QueueSummary,
  'queue' | 'oldest_pending_at' | 'next_at' | 'paused_until' | 'pause_reason'
>

export async function summarizeQueues(db: Queryable): Promise<{ queues: QueueSummary[] }> {
  const [counts, waiting, settled] = await Promise.all([
    countUnsent(db),
    readWaiting(db),
    readSettled(db),
  ])
  const nothing = {
    last_sent_at: null,
    sent_last_hour: 0,
    sent_last_day: 0,
    failed_last_day: 0,
    oldest_pending_at: null,
    next_at: null,
    paused_until: null,
    pause_reason: null,
  }
  const queues = queueNames.map((queue) => ({
    ...nothing,
    queue,
    ...countsOf(counts, queue),
    ...waiting.find((one) => one.queue === queue),
    ...settled.find((one) => one.queue === queue),
  }))
  return { queues }
}

function countsOf(counts: Awaited<ReturnType<typeof countUnsent>>, queue: QueueName): Counted {
  const found = { pending: 0, failed: 0, unsendable: 0, discarded: 0 }
  for (const { status, count } of counts.filter((one) => one.queue === queue)) found[status] = count
  return found
}

/** By the partial indexes of due messages. */
function readWaiting(db: Queryable): Promise<Waiting[]> {
  const ofQueue = (queue: QueueName, owner: 'order_id' | 'customer_id') => {
    const waits = sql`status = 'pending' and ${sql.identifier(owner)} is not null`
    return sql`
      select q.queue, to_json(oldest.created_at) #>> '{}' as oldest_pending_at,
        to_json(due.next_at) #>> '{}' as next_at,
        to_json(case when paused_until > now() then paused_until end) #>> '{}' as paused_until,
        case when paused_until > now() or alarm is not null then coalesce(alarm, pause_reason) end as pause_reason
      from ${outboxQueues} q
      left join lateral (
        select created_at from ${outbox} where id = (select min(id) from ${outbox} where ${waits})
      ) as oldest on true
      left join lateral (
        select min(next_at) as next_at from ${outbox} where ${waits} and backfill in (false, true)
      ) as due on true
      where q.queue = ${queue}`
  }
  return db.execute<Waiting>(
    sql`${ofQueue('events', 'order_id')} union all ${ofQueue('profiles', 'customer_id')}`,
  )
}

/** By the index of the time at which messages were settled. */
function readSettled(db: Queryable): Promise<Settled[]> {
  return db.execute<Settled>(sql`
    select case when order_id is null then 'profiles' else 'events' end as queue,
      to_json(max(settled_at) filter (where status = 'sent')) #>> '{}' as last_sent_at,
      (count(*) filter (where status = 'sent' and settled_at > now() - interval '1 hour'))::int as sent_last_hour,
      (count(*) filter (where status = 'sent'))::int as sent_last_day,
      (count(*) filter (where status = 'failed'))::int as failed_last_day
    from ${outbox} where settled_at > now() - interval '1 day' group by 1`)
}
