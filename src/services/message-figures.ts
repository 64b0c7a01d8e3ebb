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
 * By the indexes of what is due and of what was set aside. What was sent is kept for good, and there is no index to
 * count it by.
 */
export async function countUnsent(db: Queryable): Promise<MessageCount[]> {
  const figures = sql`count(*)::int as count, extract(epoch from now() - min(created_at))::float8 as oldest_seconds`
  const found = await db.execute<MessageCount>(sql`
    select 'events' as lane, status, ${figures} from ${outbox}
    where status = 'pending' and order_id is not null group by status
    union all
    select 'profiles', status, ${figures} from ${outbox}
    where status = 'pending' and customer_id is not null group by status
    union all
    select case when order_id is null then 'profiles' else 'events' end, status, ${figures} from ${outbox}
    where status in ('buried', 'unsendable', 'discarded') group by 1, 2`)
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
