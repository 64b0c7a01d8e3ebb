/** Brings a feed up to date: takes the pending changes and renders the slots they touch, in one transaction. */

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
  /** Identifies the rendering code and its settings; when it changes, every item is rendered again. */
  renderKey: string
  /** The share of its items that a feed may lose at once; a refresh that loses more is held. */
  maxDrop: number
  /** Called after each refresh with the number of chunks it rendered. */
  onRefresh?: (
    feed: FeedName,
    outcome: RefreshOutcome | 'failed',
    chunks: number,
    seconds: number,
  ) => void
}

/** `busy`: another process is refreshing this feed. `held`: too many items would be lost, so feed and changes stay as they are. */
export type RefreshOutcome = 'fresh' | 'busy' | 'held'

/**
 * Reads changes and rows in one snapshot, so no change is lost between the two; one that commits later stays for the next
 * refresh. One refresh per feed at a time, by a lock that ends with its transaction. It neither blocks writers nor waits
 * for them.
 */
export async function refresh(
  db: Database,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<RefreshOutcome> {
  const started = performance.now()
  const report = ({ outcome, chunks }: Refreshed | { outcome: 'failed'; chunks: number }) =>
    settings.onRefresh?.(feed, outcome, chunks, (performance.now() - started) / 1000)
  try {
    const refreshed = await transaction(db, (tx) => refreshIn(tx, feed, settings), {
      isolationLevel: 'repeatable read',
    })
    report(refreshed)
    return refreshed.outcome
  } catch (error) {
    report({ outcome: 'failed', chunks: 0 })
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
  // Sent together; Postgres executes them in this order.
  const [locked, hashes] = await settleBoth(lockFeed(tx, feed), readPendingChanges(tx, feed))
  if (locked === 'busy') return without('busy')
  const { state } = locked
  // Another refresh may have taken the changes meanwhile.
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
  /** The number of items of the whole feed afterwards. */
  items: number
  /** The checksums of the touched slots' stored chunks. */
  stored: ChunkChecksum[]
  /** The items of the touched slots, if these are few. */
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
    touched.length <= slotsPerBatch(feed, slots, state.items)
      ? await planOneBatch(tx, feed, state, touched, settings.decimals)
      : await planSome(tx, feed, state, touched)
  return outgrown(slots, plan.items) ? planAll(tx, feed, plan.items, state) : plan
}

/** Reads the items now, which also counts them. */
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

/** Up to this many slots are counted by themselves; beyond it, counting everything costs little beside rendering. */
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

/** Chooses the number of slots again. */
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

/** Unchanged chunks stay as they are; when none changes, the version stays too. */
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
    slotsPerBatch: slotsPerBatch(feed, slots, items),
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

/** How many items are in memory at once. One store may list a hundred thousand products. */
const itemsPerBatch: Record<FeedName, number> = { products: 4096, stores: 64 }
const slotsPerBatch = (feed: FeedName, slots: number, items: number) =>
  Math.max(1, Math.floor((itemsPerBatch[feed] * slots) / Math.max(items, slots)))
