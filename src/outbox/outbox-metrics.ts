/** How many messages there are and how old they are, cheap enough to be read every few seconds. */
import { count, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox, type QueueName, queueNames, type Status } from '../db/schema/outbox.ts'
import { readAlarms } from './queue.ts'

export type MessageCount = {
  queue: QueueName
  status: Exclude<Status, 'sent'>
  count: number
  /** Age of the oldest of them; 0 when there is none. */
  oldest_seconds: number
  /** When the oldest of them was written. */
  oldest_at: string | null
  /** When the next of those that wait is due. */
  next_at: string | null
}

const unsentStatuses = ['pending', 'failed', 'unsendable', 'discarded'] as const

/**
 * By the partial indexes of unsent messages, as far as possible by them alone. Sent messages are kept for
 * good, and there is no index to count them by.
 */
export async function countUnsent(db: Queryable): Promise<MessageCount[]> {
  const counts = await db.execute<MessageCount>(sql`
    select counted.queue, counted.status, counted.count, extract(epoch from now() - created_at)::float8 as oldest_seconds,
      to_json(created_at) #>> '{}' as oldest_at, to_json(counted.next_at) #>> '{}' as next_at
    from (
      select 'events' as queue, 'pending' as status, count(*)::int as count, min(id) as oldest, min(next_at) as next_at
      from ${outbox} where status = 'pending' and order_id is not null
      union all
      select 'profiles', 'pending', count(*)::int, min(id), min(next_at) from ${outbox}
      where status = 'pending' and customer_id is not null
      union all
      select case when order_id is null then 'profiles' else 'events' end, status, count(*)::int, min(id), null from ${outbox}
      where status in ('failed', 'unsendable', 'discarded') group by 1, 2
    ) as counted join ${outbox} on outbox.id = counted.oldest`)
  return queueNames.flatMap((queue) =>
    unsentStatuses.map(
      (status) =>
        counts.find((one) => one.queue === queue && one.status === status) ?? {
          queue,
          status,
          count: 0,
          oldest_seconds: 0,
          oldest_at: null,
          next_at: null,
        },
    ),
  )
}

export async function readQueueAlarms(
  db: Queryable,
): Promise<{ queue: QueueName; raised: boolean }[]> {
  const alarms = await readAlarms(db)
  return queueNames.map((queue) => ({
    queue,
    raised: alarms.some((alarm) => alarm.queue === queue),
  }))
}

/** How many messages there are of each status; reads all of the outbox. */
export async function countMessages(db: Queryable): Promise<Partial<Record<Status, number>>> {
  const { status } = outbox
  const rows = await db.select({ status, count: count() }).from(outbox).groupBy(status)
  return Object.fromEntries(rows.map((row) => [row.status, row.count]))
}
