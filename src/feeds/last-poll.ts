/** The last poll that got the feed, or learned that it has not changed. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { type FeedName, feedBuilds, feedPolls } from '../db/schema/feeds.ts'

export type LastPoll = {
  at: string
  /** What it got; null when that is no longer known. */
  version: number | null
}

/** Klaviyo polls every six hours. */
export const pollEveryHours = 6

/** Null before the first. HEAD, which gets nothing, is no such poll. */
export async function readLastPoll(db: Queryable, feed: FeedName): Promise<LastPoll | null> {
  const [row] = await db.execute<LastPoll>(sql`
    select to_json(p.at) as at, b.version::float8 as version from ${feedPolls} p
    left join ${feedBuilds} b on b.feed = p.feed and b.build = p.build
    where p.feed = ${feed} and (p.status = 304 or p.bytes > 0) order by p.at desc, p.id desc limit 1`)
  return row ?? null
}

export const nextPollAt = (poll: LastPoll | null): string | null =>
  poll && new Date(Date.parse(poll.at) + pollEveryHours * 3_600_000).toISOString()
