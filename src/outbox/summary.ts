/** The state of both queues, in one answer that is cheap enough to be asked for by every page. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox, outboxQueues, type QueueName, queueNames } from '../db/schema/outbox.ts'
import type { QueueSummary } from './event-schemas.ts'
import { countUnsent } from './outbox-metrics.ts'

type Counted = Pick<
  QueueSummary,
  'pending' | 'failed' | 'unsendable' | 'discarded' | 'oldest_pending_at' | 'next_at'
>
type Settled = Pick<
  QueueSummary,
  'queue' | 'last_sent_at' | 'sent_last_hour' | 'sent_last_day' | 'failed_last_day'
>
type Pause = Pick<QueueSummary, 'queue' | 'paused_until' | 'pause_reason'>

export async function summarizeQueues(db: Queryable): Promise<{ queues: QueueSummary[] }> {
  const [counts, pauses, settled] = await Promise.all([
    countUnsent(db),
    readPauses(db),
    readSettled(db),
  ])
  const nothing = {
    last_sent_at: null,
    sent_last_hour: 0,
    sent_last_day: 0,
    failed_last_day: 0,
    paused_until: null,
    pause_reason: null,
  }
  const queues = queueNames.map((queue) => ({
    ...nothing,
    queue,
    ...countsOf(counts, queue),
    ...pauses.find((one) => one.queue === queue),
    ...settled.find((one) => one.queue === queue),
  }))
  return { queues }
}

/** What waits is dated by the pass that counts it: alone, Postgres would seek the oldest among all that was sent. */
function countsOf(counts: Awaited<ReturnType<typeof countUnsent>>, queue: QueueName): Counted {
  const numbers = { pending: 0, failed: 0, unsendable: 0, discarded: 0 }
  const own = counts.filter((one) => one.queue === queue)
  for (const { status, count } of own) numbers[status] = count
  const waiting = own.find(({ status }) => status === 'pending')
  return {
    ...numbers,
    oldest_pending_at: waiting?.oldest_at ?? null,
    next_at: waiting?.next_at ?? null,
  }
}

function readPauses(db: Queryable): Promise<Pause[]> {
  return db.execute<Pause>(sql`
    select queue, to_json(case when paused_until > now() then paused_until end) #>> '{}' as paused_until,
      case when paused_until > now() or alarm is not null then coalesce(alarm, pause_reason) end as pause_reason
    from ${outboxQueues}`)
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
