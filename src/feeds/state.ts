/** In charge of the state of each feed: its version, what it was made of, and whether it is held back. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connect.ts'
import { type FeedName, feedState } from '../db/schema/feeds.ts'

export type FeedState = {
  version: number
  slots: number
  items: number
  /** The most items of the last six hours: what a refresh is measured against. */
  reference_items: number
  held_since: string | null
  held_reason: string | null
  built_at: string
  recipe: string
  /** Whether notes wait that no refresh has taken. */
  waiting: boolean
}

/** One query for all feeds; a feed that was never built is not among them. */
export async function readStates(db: Queryable): Promise<Map<FeedName, FeedState>> {
  const rows = await db.execute<FeedState & { feed: FeedName }>(sql`select * from feed_states()`)
  return new Map(rows.map(({ feed, ...state }) => [feed, state]))
}

/**
 * Ends any hold. The time is that of this statement, not of the transaction's begin, so that no two
 * versions bear one that was told of the other; without a new version it stays.
 */
export async function writeState(
  tx: Queryable,
  feed: FeedName,
  next: Pick<FeedState, 'version' | 'slots' | 'items' | 'recipe'>,
): Promise<void> {
  await tx.execute(sql`
    insert into ${feedState} as s (feed, version, slots, items, recipe, reference_items, reference_at, built_at)
    values (${feed}, ${next.version}, ${next.slots}, ${next.items}, ${next.recipe}, ${next.items}, now(), clock_timestamp())
    on conflict (feed) do update set
      version = excluded.version, slots = excluded.slots, items = excluded.items, recipe = excluded.recipe,
      built_at = case when s.version = excluded.version then s.built_at else excluded.built_at end,
      reference_items = case
        when s.reference_at > now() - interval '6 hours' then greatest(s.reference_items, excluded.items)
        else greatest(s.items, excluded.items) end,
      reference_at = case
        when s.reference_at > now() - interval '6 hours' and s.reference_items > excluded.items then s.reference_at
        else now() end,
      held_since = null, held_reason = null`)
}

export async function holdFeed(db: Queryable, feed: FeedName, reason: string): Promise<void> {
  await db.execute(sql`
    update ${feedState} set held_since = coalesce(held_since, now()), held_reason = ${reason}
    where feed = ${feed} and held_reason is distinct from ${reason}`)
}

/** Lets the next refresh through, however few items it leaves. False when the feed is not held. */
export async function releaseFeed(db: Queryable, feed: FeedName): Promise<boolean> {
  const released = await db.execute(sql`
    update ${feedState} set held_since = null, held_reason = null, reference_items = 0, reference_at = now()
    where feed = ${feed} and held_since is not null returning feed`)
  return released.length > 0
}
