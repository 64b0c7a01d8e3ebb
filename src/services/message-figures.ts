/** In charge of how many messages there are and how old they are, at a price that a monitor may ask every few seconds. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connect.ts'
import { type LaneName, laneNames, outbox, type Status } from '../db/schema/outbox.ts'
import { readAlarms } from '../outbox.ts'

export type MessageCount = {
  lane: LaneName
  status: Exclude<Status, 'sent'>
  count: number
  /** Since the oldest of them was written; 0 when there is none. */
  oldest_seconds: number
}

const counted = ['pending', 'buried', 'unsendable', 'discarded'] as const

/**
 * By the indexes of what is due and of what was set aside, and as far as can be by them alone. What was sent is kept for
 * good, and there is no index to count it by.
 */
export async function countUnsent(db: Queryable): Promise<MessageCount[]> {
  const found = await db.execute<MessageCount>(sql`
    select found.lane, found.status, found.count, extract(epoch from now() - created_at)::float8 as oldest_seconds
    from (
      select 'events' as lane, 'pending' as status, count(*)::int as count, min(id) as oldest from ${outbox}
      where status = 'pending' and order_id is not null
      union all
      select 'profiles', 'pending', count(*)::int, min(id) from ${outbox}
      where status = 'pending' and customer_id is not null
      union all
      select case when order_id is null then 'profiles' else 'events' end, status, count(*)::int, min(id) from ${outbox}
      where status in ('buried', 'unsendable', 'discarded') group by 1, 2
    ) as found join ${outbox} on outbox.id = found.oldest`)
  return laneNames.flatMap((lane) =>
    counted.map(
      (status) =>
        found.find((one) => one.lane === lane && one.status === status) ?? {
          lane,
          status,
          count: 0,
          oldest_seconds: 0,
        },
    ),
  )
}

export async function readLaneAlarms(
  db: Queryable,
): Promise<{ lane: LaneName; raised: boolean }[]> {
  const alarms = await readAlarms(db)
  return laneNames.map((lane) => ({ lane, raised: alarms.some((alarm) => alarm.lane === lane) }))
}
