import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { historyChanges, historyRecords } from '../db/schema/history.ts'

const maxRecords = 1_000_000
const batch = 1_000

/** Removes changes of more than 90 days, and the oldest beyond a million records, batch by batch. Returns how many. */
export async function removeOldChanges(db: Queryable, max = maxRecords): Promise<number> {
  const removed = await db.execute<{ count: number }>(sql`
    with old as (
      select id from (
        select id, at, sum(kept) over (order by at desc, id desc) as records from ${historyChanges}
      ) c where at < now() - interval '90 days' or records > ${max} order by at limit ${batch}
    ), records as (delete from ${historyRecords} where change_id in (select id from old)),
    changes as (delete from ${historyChanges} where id in (select id from old) returning 1)
    select count(*)::int as count from changes`)
  return removed[0]?.count ?? 0
}
