import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { knownMigrations } from '../db/migrate.ts'
import {
  type FeedFormat,
  type FeedFrame,
  type FeedName,
  feedBuilds,
  feedState,
} from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'

export type FeedState = {
  version: number
  /** Distinguishes this version from others that ever had its number; null when it was not recorded. */
  build: string | null
  slots: number
  items: number
  /** Of the items as JSON; 0 when unknown. */
  bytes: number
  /** The most items of the last six hours, which a refresh may not fall far below. */
  reference_items: number
  render_key: string
  /** Whether changes are pending, or may be: a standby does not know. */
  waiting: boolean
}

export type FeedStates = {
  /** Without feeds that were never built. */
  feeds: Partial<Record<FeedName, FeedState>>
  /** Of the servers that render the feeds; null before the first. */
  renderKey: string | null
  /** Whether the database has migrations of another release, so that this one must not write feeds. */
  isNewer: boolean
}

/** One query for all feeds. */
export async function readStates(db: Queryable): Promise<FeedStates> {
  const [row] = await db.execute<StatesRow>(sql.raw(`select ${feedStates} as states`))
  return toStates(row)
}

export type StatesRow = {
  states: FeedStates['feeds'] & { migrations: number[]; render_key: string | null }
}
export const feedStates = 'feed_states()'

export function toStates(row: StatesRow | undefined): FeedStates {
  if (!row) throw new Error('a query without conditions returned no row')
  const { migrations, render_key, ...feeds } = row.states
  const known = knownMigrations()
  return { feeds, renderKey: render_key, isNewer: migrations.some((one) => !known.has(one)) }
}

/** Whether what is stored holds every committed write, as servers with this render key make it. */
export const isUpToDate = (
  state: FeedState | undefined,
  renderKey: string,
): state is FeedState & { build: string } =>
  state !== undefined && !state.waiting && state.build !== null && state.render_key === renderKey

/**
 * Makes this transaction the only one that refreshes the feed; `busy` when another one does. First locks the catalog in
 * the mode of readers, before the transaction takes its snapshot: TRUNCATE empties tables for older snapshots too. A
 * refresh that waits for a TRUNCATE gives up soon, so the two cannot deadlock. No JIT: compiling costs more than running
 * these queries. No waiting for the disk: if a crash of Postgres loses the refresh, it loses the removal of the changes
 * with it.
 */
export async function lockFeed(tx: Queryable, feed: FeedName): Promise<'busy' | FeedStates> {
  const [, [row]] = await settleBoth(
    tx.execute(sql`
      set local jit = off; set local lock_timeout = '500ms'; set local synchronous_commit = off;
      lock table products, stores, product_stores in access share mode`),
    tx.execute<StatesRow & { ok: boolean }>(sql`
      select pg_try_advisory_xact_lock(hashtext('storefeed.feed'), hashtext(${feed})) as ok, ${sql.raw(feedStates)} as states`),
  )
  return row?.ok ? toStates(row) : 'busy'
}

/**
 * Ends any hold. `built_at` is the time of this statement, not of the transaction's begin; without a new version it stays.
 * `modified_at` identifies a version by itself, so no two have the same, even if a clock is set back.
 */
export async function writeState(
  tx: Queryable,
  feed: FeedName,
  next: Pick<FeedState, 'version' | 'slots' | 'items' | 'bytes' | 'render_key'> & {
    frames: Record<FeedFormat, FeedFrame>
  },
): Promise<void> {
  await tx.execute(sql`
    insert into ${feedState} as s (feed, version, slots, items, bytes, render_key, reference_items, reference_at, frames, built_at, modified_at)
    values (${feed}, ${next.version}, ${next.slots}, ${next.items}, ${next.bytes}, ${next.render_key}, ${next.items}, now(),
      ${JSON.stringify(next.frames)}::jsonb, clock_timestamp(), date_trunc('second', clock_timestamp()))
    on conflict (feed) do update set
      version = excluded.version, slots = excluded.slots, items = excluded.items, bytes = excluded.bytes, render_key = excluded.render_key,
      frames = excluded.frames,
      built_at = case when s.version = excluded.version then s.built_at else excluded.built_at end,
      modified_at = case when s.version = excluded.version then s.modified_at
        else greatest(excluded.modified_at, s.modified_at + interval '1 second') end,
      reference_items = case
        when s.reference_at > now() - interval '6 hours' then greatest(s.reference_items, excluded.items)
        else greatest(s.items, excluded.items) end,
      reference_at = case
        when s.reference_at > now() - interval '6 hours' and s.reference_items > excluded.items then s.reference_at
        else now() end,
      held_since = null, held_reason = null`)
}

/** More than a server misses between two polls, unless most of the feed has changed meanwhile. */
const buildsKept = 10_000

/** Records a new build for a version that is about to be written, replacing one of another history. */
export async function recordBuild(tx: Queryable, feed: FeedName, version: number): Promise<string> {
  const [row] = await tx.execute<{ build: string }>(sql`
    with expired as (delete from ${feedBuilds} where feed = ${feed} and version <= ${version - buildsKept})
    insert into ${feedBuilds} (feed, version) values (${feed}, ${version})
    on conflict (feed, version) do update set build = excluded.build
    returning build`)
  if (!row) throw new Error('an inserted build was not returned')
  return row.build
}

/** Whether the database has, or had, this version: a crash or a failover loses the last ones. */
export async function isInHistory(
  db: Queryable,
  feed: FeedName,
  { version, build }: Pick<FeedState, 'version' | 'build'>,
): Promise<boolean> {
  const found = await db.execute(sql`
    select from ${feedBuilds} where feed = ${feed} and version = ${version} and build = ${build}`)
  return found.length > 0
}

export async function holdFeed(db: Queryable, feed: FeedName, reason: string): Promise<void> {
  await db.execute(sql`
    update ${feedState} set held_since = coalesce(held_since, now()), held_reason = ${reason}
    where feed = ${feed} and held_reason is distinct from ${reason}`)
}

/** Lets the next refresh through, unless it leaves far fewer items than expected; false when the feed is not held. */
export async function releaseFeed(
  db: Queryable,
  feed: FeedName,
  expectedItems: number,
): Promise<boolean> {
  const released = await db.execute(sql`
    update ${feedState} set held_since = null, held_reason = null, reference_items = ${expectedItems}, reference_at = now()
    where feed = ${feed} and held_since is not null returning feed`)
  return released.length > 0
}
