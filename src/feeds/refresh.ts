/** In charge of bringing a feed up to date: takes the notes and renders again just the slots they touch, in one transaction. */

import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { ALL_BUCKETS, type FeedName, feedFormats } from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import type { ChunkChecksum } from './chunk.ts'
import { readChecksums, removeChunks, renderSlots, saveChunks } from './chunk-store.ts'
import { type FeedState, holdFeed, lockFeed, recordBuild, writeState } from './feed-state.ts'
import { countItems, type HashedItem, readItems } from './item-rows.ts'
import { readPendingChanges, removePendingChanges } from './pending-changes.ts'
import { hashRanges, outgrown, slotOfHash, slotsFor } from './slots.ts'

export type RefreshSettings = {
  /** How many decimals a price has. */
  decimals: number
  /** Names everything but the rows that an item depends on; when it changes, all is rendered again. */
  renderKey: string
  /** The share of its items that a feed may lose at once; more than that is held back. */
  maxDrop: number
  /** Told of each refresh: what came of it, how many chunks it rendered, how long it took. */
  onRefresh?: (
    feed: FeedName,
    outcome: RefreshOutcome | 'failed',
    chunks: number,
    seconds: number,
  ) => void
}

/** `busy`: another process is refreshing this feed. `held`: too many items would go, so the feed and the notes stay. */
export type RefreshOutcome = 'fresh' | 'busy' | 'held'

/**
 * Reads the notes and the rows in one snapshot, so no change can be lost between the two; a note that
 * commits later waits for the next refresh. One at a time per feed, by a lock that falls with its
 * transaction. Writers are never waited for, nor do they wait.
 */
export async function refresh(
  db: Database,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<RefreshOutcome> {
  const started = performance.now()
  const told = ({ outcome, chunks }: Refreshed | { outcome: 'failed'; chunks: number }) =>
    settings.onRefresh?.(feed, outcome, chunks, (performance.now() - started) / 1000)
  try {
    const refreshed = await transaction(db, (tx) => refreshIn(tx, feed, settings), {
      isolationLevel: 'repeatable read',
    })
    told(refreshed)
    return refreshed.outcome
  } catch (error) {
    told({ outcome: 'failed', chunks: 0 })
    throw error
  }
}

type Refreshed = { outcome: RefreshOutcome; chunks: number }

const without = (outcome: RefreshOutcome): Refreshed => ({ outcome, chunks: 0 })

async function refreshIn(
  tx: Queryable,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<Refreshed> {
  // Sent together, and answered in this order.
  const [locked, hashes] = await settleBoth(lockFeed(tx, feed), readPendingChanges(tx, feed))
  if (locked === 'busy') return without('busy')
  const { state } = locked
  // Another refresh may have taken the notes while this one waited for its turn.
  if (state && !state.waiting && state.render_key === settings.renderKey) return without('fresh')
  const plan = await planRefresh(tx, feed, state, hashes, settings)
  if (state && plan.items < state.reference_items * (1 - settings.maxDrop)) {
    const reason = `It would fall from ${state.reference_items} items to ${plan.items}.`
    await holdFeed(tx, feed, reason)
    return without('held')
  }
  await applyRefresh(tx, feed, plan, state, settings)
  return { outcome: 'fresh', chunks: plan.touched.length * feedFormats.length }
}

type Plan = {
  slots: number
  /** Sorted. */
  touched: number[]
  /** How many the feed will hold. */
  items: number
  /** The chunks of the slots touched, as they are. */
  stored: ChunkChecksum[]
  /** The items of the slots touched, where these are few. */
  read?: HashedItem[]
}

async function planRefresh(
  tx: Queryable,
  feed: FeedName,
  state: FeedState | undefined,
  hashes: Set<number>,
  settings: RefreshSettings,
): Promise<Plan> {
  if (!state || state.render_key !== settings.renderKey || hashes.has(ALL_BUCKETS))
    return planAll(tx, feed, await countItems(tx, feed), state)
  const { slots } = state
  const touched = [...new Set([...hashes].map((hash) => slotOfHash(hash, slots)))].sort(
    (a, b) => a - b,
  )
  if (touched.length === 0) return { slots, touched, items: state.items, stored: [] }
  const plan =
    touched.length <= slotsAtOnce(feed, slots, state.items)
      ? await planOneBatch(tx, feed, state, touched, settings.decimals)
      : await planSome(tx, feed, state, touched)
  return outgrown(slots, plan.items) ? planAll(tx, feed, plan.items, state) : plan
}

/** The items are read at once, which tells how many they are. */
async function planOneBatch(
  tx: Queryable,
  feed: FeedName,
  { slots, items }: FeedState,
  touched: number[],
  decimals: number,
): Promise<Plan> {
  const [stored, read] = await settleBoth(
    readChecksums(tx, feed, touched),
    readItems[feed](tx, hashRanges(touched, slots), decimals),
  )
  return { slots, touched, stored, read, items: items - itemsIn(stored) + read.length }
}

/** Few slots are counted by themselves; where there are many, counting all costs little beside rendering them. */
const fewSlots = 64

async function planSome(
  tx: Queryable,
  feed: FeedName,
  { slots, items }: FeedState,
  touched: number[],
): Promise<Plan> {
  const few = touched.length <= fewSlots
  const [stored, present] = await settleBoth(
    readChecksums(tx, feed, touched),
    countItems(tx, feed, few ? hashRanges(touched, slots) : undefined),
  )
  return { slots, touched, stored, items: few ? items - itemsIn(stored) + present : present }
}

/** Slots are chosen anew. */
async function planAll(
  tx: Queryable,
  feed: FeedName,
  items: number,
  state: FeedState | undefined,
): Promise<Plan> {
  const slots = slotsFor(items)
  const touched = Array.from({ length: slots }, (_, slot) => slot)
  const stored = slots === state?.slots ? await readChecksums(tx, feed, touched) : []
  return { slots, touched, items, stored }
}

const itemsIn = (stored: ChunkChecksum[]) =>
  stored.reduce((sum, { format, items }) => sum + (format === 'json' ? items : 0), 0)

/** Chunks that come out as they are stay as they are; when none changes, neither does the version. */
async function applyRefresh(
  tx: Queryable,
  feed: FeedName,
  { slots, touched, items, stored, read }: Plan,
  state: FeedState | undefined,
  { decimals, renderKey }: RefreshSettings,
): Promise<void> {
  if (slots !== state?.slots) await removeChunks(tx, feed)
  const before = state?.version ?? 0
  const version = before + 1
  const rendering = {
    feed,
    version,
    slots,
    touched,
    stored,
    read,
    slotsAtOnce: slotsAtOnce(feed, slots, items),
  }
  const [, { changed, last }] = await settleBoth(
    removePendingChanges(tx, feed),
    renderSlots(tx, { ...rendering, decimals }),
  )
  const next = { version: changed ? version : before, slots, items, render_key: renderKey }
  await settleBoth(
    saveChunks(tx, rendering, last),
    settleBoth(changed ? recordBuild(tx, feed, version) : undefined, writeState(tx, feed, next)),
  )
}

/** What memory holds of a feed while it is built. One store may name a hundred thousand products. */
const itemsAtOnce: Record<FeedName, number> = { products: 4096, stores: 64 }
const slotsAtOnce = (feed: FeedName, slots: number, items: number) =>
  Math.max(1, Math.floor((itemsAtOnce[feed] * slots) / Math.max(items, slots)))
