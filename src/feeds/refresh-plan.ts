/** What a refresh has to render: which slots of how many, and what is known of their items beforehand. */
import type { Queryable } from '../db/connection.ts'
import { ALL_BUCKETS, type FeedName } from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import type { ChangedChunk, ChunkChecksum, SlotItem } from './chunk.ts'
import { readChecksums } from './chunk-store.ts'
import type { FeedState } from './feed-state.ts'
import { formatters } from './formatters.ts'
import { countItems, countTouched, type ItemSettings, readItems } from './item-rows.ts'
import type { ChangedLink, PendingChanges } from './pending-changes.ts'
import { relist } from './relist.ts'
import { readSlots } from './slot-items.ts'
import { hashCount, hashRanges, outgrown, slotOfHash, slotsFor } from './slots.ts'

export type Plan = {
  slots: number
  /** The slots to render, sorted. */
  touched: number[]
  /** Chunks in which only long lists changed, rendered already. */
  relisted: ChangedChunk[]
  /** The number of items of the whole feed afterwards, as counted. */
  items: number
  /** Of the whole feed as JSON, before touched slots are rendered: of the last refresh, or estimated. */
  bytes: number
  /** How many of them are in the touched slots. */
  touchedItems: number
  /** The checksums of the touched slots' stored chunks. */
  stored: ChunkChecksum[]
  /** The items of the touched slots, if these are few. */
  read?: SlotItem[]
}

export async function planRefresh(
  tx: Queryable,
  feed: FeedName,
  state: FeedState | undefined,
  { hashes, links }: PendingChanges,
  settings: ItemSettings & { renderKey: string },
): Promise<Plan> {
  if (!state || state.render_key !== settings.renderKey || hashes.has(ALL_BUCKETS))
    return planAnew(tx, feed, state, settings)
  const { slots } = state
  const whole = new Set([...hashes].map((hash) => slotOfHash(hash, state.slots)))
  const { chunks, grown } = await relistOthers(tx, feed, state, whole, links, settings)
  const touched = [...whole].sort((a, b) => a - b)
  const changed = new Set([...hashes, ...links.map(({ hash }) => hash)])
  const plan = await planSlots(tx, feed, state, { touched, changed }, settings)
  const sampled = whole.size === slots ? await sampleBytes(tx, feed, plan.items, settings) : 0
  const bytes = Math.max(plan.bytes + grown, plan.items * sampled)
  return outgrown(slots, plan.items, bytes)
    ? planAll(tx, feed, plan.items, bytes, slots)
    : { ...plan, bytes: plan.bytes + grown, relisted: chunks }
}

/** In slots that are not rendered whole anyway; adds those to `whole` that have to be. `grown` are bytes of JSON. */
async function relistOthers(
  tx: Queryable,
  feed: FeedName,
  { slots }: FeedState,
  whole: Set<number>,
  links: ChangedLink[],
  { pieceBytes }: ItemSettings,
): Promise<{ chunks: ChangedChunk[]; grown: number }> {
  const others = links.filter(({ hash }) => !whole.has(slotOfHash(hash, slots)))
  if (others.length === 0) return { chunks: [], grown: 0 }
  const touched = new Set(others.map(({ hash }) => slotOfHash(hash, slots)))
  const stored = await readChecksums(tx, feed, [...touched])
  const relisted = await relist(tx, { feed, slots, links: others, stored, pieceBytes })
  for (const slot of relisted.others) whole.add(slot)
  const chunks = relisted.chunks.filter(({ slot }) => !whole.has(slot))
  const before = stored.filter(({ slot }) => chunks.some((chunk) => chunk.slot === slot))
  return { chunks, grown: bytesIn(chunks) - bytesIn(before) }
}

type SlotsPlan = Omit<Plan, 'relisted'>

async function planSlots(
  tx: Queryable,
  feed: FeedName,
  state: FeedState,
  { touched, changed }: { touched: number[]; changed: ReadonlySet<number> },
  settings: ItemSettings,
): Promise<SlotsPlan> {
  const { slots, items, bytes } = state
  if (touched.length === 0) return { slots, touched, items, bytes, touchedItems: 0, stored: [] }
  return touched.length <= slotsReadAtOnce
    ? planOneBatch(tx, feed, state, { touched, changed }, settings)
    : planSome(tx, feed, state, touched)
}

/** Up to this many slots are one batch. */
const slotsReadAtOnce = 8

/** Reads the items now, which also counts them. */
async function planOneBatch(
  tx: Queryable,
  feed: FeedName,
  { slots, items, bytes }: FeedState,
  { touched, changed }: { touched: number[]; changed: ReadonlySet<number> },
  settings: ItemSettings,
): Promise<SlotsPlan> {
  const { stored, read } = await readSlots(tx, feed, { slots, touched, changed }, settings)
  const others = items - itemsIn(stored)
  const counted = { touchedItems: read.length, items: others + read.length }
  return { slots, touched, stored, read, bytes, ...counted }
}

/** Up to this many slots are counted by themselves; beyond it, counting everything costs little beside rendering. */
const fewSlots = 64

async function planSome(
  tx: Queryable,
  feed: FeedName,
  { slots, items, bytes }: FeedState,
  touched: number[],
): Promise<SlotsPlan> {
  if (touched.length > fewSlots) {
    const [stored, counted] = await settleBoth(
      readChecksums(tx, feed, touched),
      countTouched(tx, feed, touched, slots),
    )
    return { slots, touched, stored, bytes, ...counted }
  }
  const [stored, touchedItems] = await settleBoth(
    readChecksums(tx, feed, touched),
    countItems(tx, feed, hashRanges(touched, slots)),
  )
  const counted = { touchedItems, items: items - itemsIn(stored) + touchedItems }
  return { slots, touched, stored, bytes, ...counted }
}

/** Chooses the number of slots again, by the feed as it was and as a few items are: stores may have got their products since. */
async function planAnew(
  tx: Queryable,
  feed: FeedName,
  state: FeedState | undefined,
  settings: ItemSettings,
): Promise<Plan> {
  const items = await countItems(tx, feed)
  const before = state && state.items > 0 ? state.bytes / state.items : 0
  const sampled = await sampleBytes(tx, feed, items, settings)
  return planAll(tx, feed, items, items * Math.max(before, sampled), state?.slots)
}

async function planAll(
  tx: Queryable,
  feed: FeedName,
  items: number,
  bytes: number,
  slotsBefore: number | undefined,
): Promise<Plan> {
  const slots = slotsFor(items, bytes)
  const touched = Array.from({ length: slots }, (_, slot) => slot)
  const stored = slots === slotsBefore ? await readChecksums(tx, feed, touched) : []
  return { slots, touched, relisted: [], items, bytes, touchedItems: items, stored }
}

/** As many items as tell the usual length of one. */
const sampledItems = 16
const sampledRanges = 8

/** As JSON, on average, of a few items from all over the feed. */
async function sampleBytes(
  tx: Queryable,
  feed: FeedName,
  items: number,
  settings: ItemSettings,
): Promise<number> {
  const share = hashCount / sampledRanges
  const width = Math.min(share, Math.ceil((share * sampledItems) / Math.max(items, 1)))
  const ranges = Array.from({ length: sampledRanges }, (_, range) => ({
    first: range * share,
    last: range * share + width - 1,
  }))
  const sample = await readItems[feed](tx, ranges, settings)
  const { item: format } = formatters[feed].json
  const bytes = sample.reduce((sum, { item }) => sum + Buffer.byteLength(format(item)), 0)
  return bytes / Math.max(sample.length, 1)
}

const itemsIn = (stored: ChunkChecksum[]) =>
  stored.reduce((sum, { format, items }) => sum + (format === 'json' ? items : 0), 0)

export const bytesIn = (stored: readonly ChunkChecksum[]) =>
  stored.reduce((sum, { format, bytes }) => sum + (format === 'json' ? bytes : 0), 0)
