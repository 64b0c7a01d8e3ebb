/** In charge of how many messages there are and how old they are, at a price that a monitor may ask every few seconds. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { outbox, type QueueName, queueNames, type Status } from '../db/schema/outbox.ts'
import { readAlarms } from './outbox.ts'

export type MessageCount = {
  queue: QueueName
  status: Exclude<Status, 'sent'>
  count: number
  /** Since the oldest of them was written; 0 when there is none. */
  oldest_seconds: number
}

const counted = ['pending', 'failed', 'unsendable', 'discarded'] as const

/**
 * By the indexes of what is due and of what was set aside, and as far as can be by them alone. What was sent is kept for
 * good, and there is no index to count it by.
 */
export async function countUnsent(db: Queryable): Promise<MessageCount[]> {
  const found = await db.execute<MessageCount>(sql`
    select found.queue, found.status, found.count, extract(epoch from now() - created_at)::float8 as oldest_seconds
    from (
      select 'events' as queue, 'pending' as status, count(*)::int as count, min(id) as oldest from ${outbox}
      where status = 'pending' and order_id is not null
      union all
      select 'profiles', 'pending', count(*)::int, min(id) from ${outbox}
      where status = 'pending' and customer_id is not null
      union all
      select case when order_id is null then 'profiles' else 'events' end, status, count(*)::int, min(id) from ${outbox}
      where status in ('failed', 'unsendable', 'discarded') group by 1, 2
    ) as found join ${outbox} on outbox.id = found.oldest`)
  return queueNames.flatMap((queue) =>
    counted.map(
      (status) =>
        found.find((one) => one.queue === queue && one.status === status) ?? {
          queue,
          status,
          count: 0,
          oldest_seconds: 0,
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
