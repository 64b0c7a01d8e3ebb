/** Brings a feed up to date: takes the pending changes and renders the slots they touch, in one transaction. */

import { type Database, type Queryable, transaction } from '../db/connection.ts'
import {
  ALL_BUCKETS,
  type FeedFormat,
  type FeedFrame,
  type FeedName,
  feedFormats,
} from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import type { ChunkChecksum } from './chunk.ts'
import { readChecksums, removeChunks, renderSlots, saveChunks } from './chunk-store.ts'
import {
  type FeedState,
  holdFeed,
  isUpToDate,
  lockFeed,
  recordBuild,
  writeState,
} from './feed-state.ts'
import { type Formatter, formatters } from './formatters.ts'
import { countItems, countTouched, type HashedItem, readItems } from './item-rows.ts'
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

/**
 * `busy`: another process is refreshing this feed. `held`: too many items would be lost, so feed and changes stay as they
 * are. `elsewhere`: servers of another release or currency render the feeds.
 */
export type RefreshOutcome = 'fresh' | 'busy' | 'held' | 'elsewhere'

/** `fresh` comes with the version that it is, which a crash of Postgres or a failover may yet lose. */
export type RefreshResult =
  | { outcome: 'fresh'; version: number; build: string }
  | { outcome: Exclude<RefreshOutcome, 'fresh'> }

/**
 * Reads changes and rows in one snapshot, so no change is lost between the two; one that commits later stays for the next
 * refresh. One refresh per feed at a time, by a lock that ends with its transaction. It neither blocks writers nor waits
 * for them.
 */
export async function refresh(
  db: Database,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<RefreshResult> {
  const started = performance.now()
  const report = (outcome: RefreshOutcome | 'failed', chunks: number) =>
    settings.onRefresh?.(feed, outcome, chunks, (performance.now() - started) / 1000)
  try {
    const { chunks, ...result } = await transaction(db, (tx) => refreshIn(tx, feed, settings), {
      isolationLevel: 'repeatable read',
    })
    report(result.outcome, chunks)
    return result
  } catch (error) {
    report('failed', 0)
    throw error
  }
}

type Refreshed = RefreshResult & { chunks: number }

async function refreshIn(
  tx: Queryable,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<Refreshed> {
  // Sent together; Postgres executes them in this order.
  const [locked, hashes] = await settleBoth(lockFeed(tx, feed), readPendingChanges(tx, feed))
  if (locked === 'busy') return { outcome: 'busy', chunks: 0 }
  const { feeds, renderKey, isNewer } = locked
  if (isNewer || (renderKey !== null && renderKey !== settings.renderKey))
    return { outcome: 'elsewhere', chunks: 0 }
  const state = feeds[feed]
  // Another refresh may have taken the changes meanwhile.
  if (isUpToDate(state, settings.renderKey))
    return { outcome: 'fresh', version: state.version, build: state.build, chunks: 0 }
  const plan = await planRefresh(tx, feed, state, hashes, settings)
  if (state && plan.items < state.reference_items * (1 - settings.maxDrop)) {
    const reason = `It would fall from ${state.reference_items} items to ${plan.items}.`
    await holdFeed(tx, feed, reason)
    return { outcome: 'held', chunks: 0 }
  }
  const written = await applyRefresh(tx, feed, plan, state, settings)
  return { outcome: 'fresh', ...written, chunks: plan.touched.length * feedFormats.length }
}

type Plan = {
  slots: number
  /** Sorted. */
  touched: number[]
  /** The number of items of the whole feed afterwards, as counted. */
  items: number
  /** How many of them are in the touched slots. */
  touchedItems: number
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
  const { slots, items } = state
  const touched = [...new Set([...hashes].map((hash) => slotOfHash(hash, slots)))].sort(
    (a, b) => a - b,
  )
  if (touched.length === 0) return { slots, touched, items, touchedItems: 0, stored: [] }
  const plan =
    touched.length <= slotsPerBatch(feed, slots, state.items)
      ? await planOneBatch(tx, feed, state, touched, settings.decimals)
      : await planSome(tx, feed, state, touched)
  return outgrown(slots, plan.items) ? planAll(tx, feed, await countItems(tx, feed), state) : plan
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
  const others = items - itemsIn(stored)
  return { slots, touched, stored, read, touchedItems: read.length, items: others + read.length }
}

/** Up to this many slots are counted by themselves; beyond it, counting everything costs little beside rendering. */
const fewSlots = 64

async function planSome(
  tx: Queryable,
  feed: FeedName,
  { slots, items }: FeedState,
  touched: number[],
): Promise<Plan> {
  if (touched.length > fewSlots) {
    const [stored, counted] = await settleBoth(
      readChecksums(tx, feed, touched),
      countTouched(tx, feed, touched, slots),
    )
    return { slots, touched, stored, ...counted }
  }
  const [stored, touchedItems] = await settleBoth(
    readChecksums(tx, feed, touched),
    countItems(tx, feed, hashRanges(touched, slots)),
  )
  return { slots, touched, stored, touchedItems, items: items - itemsIn(stored) + touchedItems }
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
  return { slots, touched, items, touchedItems: items, stored }
}

const itemsIn = (stored: ChunkChecksum[]) =>
  stored.reduce((sum, { format, items }) => sum + (format === 'json' ? items : 0), 0)

/** Unchanged chunks stay as they are; when none changes, the version stays too, unless the feed is now rendered otherwise. */
async function applyRefresh(
  tx: Queryable,
  feed: FeedName,
  { slots, touched, items, touchedItems, stored, read }: Plan,
  state: FeedState | undefined,
  { decimals, renderKey }: RefreshSettings,
): Promise<{ version: number; build: string }> {
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
  const [, { changed, rendered, last }] = await settleBoth(
    removePendingChanges(tx, feed),
    renderSlots(tx, { ...rendering, decimals }),
  )
  if (rendered !== touchedItems)
    throw new Error(
      `${touchedItems} items of the ${feed} feed were counted, but ${rendered} rendered: this release does not fit the database`,
    )
  const kept = changed || state?.render_key !== renderKey ? undefined : state.build
  const next = { slots, items, render_key: renderKey, frames: framesOf(feed) }
  const [, [build]] = await settleBoth(
    saveChunks(tx, rendering, last),
    settleBoth(
      kept ?? recordBuild(tx, feed, version),
      writeState(tx, feed, { ...next, version: kept ? before : version }),
    ),
  )
  return { version: kept ? before : version, build }
}

const framesOf = (feed: FeedName): Record<FeedFormat, FeedFrame> => ({
  json: frameOf(formatters[feed].json),
  xml: frameOf(formatters[feed].xml),
})

const frameOf = ({ item: _, ...frame }: Formatter): FeedFrame => frame

/** How many items are in memory at once. One store may list a hundred thousand products. */
const itemsPerBatch: Record<FeedName, number> = { products: 4096, stores: 64 }
const slotsPerBatch = (feed: FeedName, slots: number, items: number) =>
  Math.max(1, Math.floor((itemsPerBatch[feed] * slots) / Math.max(items, slots)))
