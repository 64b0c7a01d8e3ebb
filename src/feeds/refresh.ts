/** In charge of bringing a feed up to date: takes the notes and renders again just the slots they touch, in one transaction. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connect.ts'
import { everyHash, type FeedName } from '../db/schema/feeds.ts'
import { countStored, removeChunks, renderSlots } from './chunk-store.ts'
import { inlineWord } from './inline.ts'
import { countItems } from './item-rows.ts'
import { readNotes, removeNotes } from './notes.ts'
import { hashRanges, outgrown, slotOfHash, slotsFor } from './slots.ts'
import { type FeedState, holdFeed, readStates, writeState } from './state.ts'

export type RefreshSettings = {
  /** How many decimals a price has. */
  decimals: number
  /** Names everything but the rows that an item depends on; when it changes, all is rendered again. */
  recipe: string
  /** The share of its items that a feed may lose at once; more than that is held back. */
  maxDrop: number
}

/** `busy`: another process is refreshing this feed. `held`: too many items would go, so the feed and the notes stay. */
export type RefreshOutcome = 'fresh' | 'busy' | 'held'

/**
 * Reads the notes and the rows in one snapshot, so no change can be lost between the two; a note that
 * commits later waits for the next refresh. One at a time per feed, by a lock that falls with its
 * transaction. Writers are never waited for, nor do they wait.
 */
export function refresh(
  db: Database,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<RefreshOutcome> {
  return transaction(db, (tx) => refreshIn(tx, feed, settings), {
    isolationLevel: 'repeatable read',
  })
}

async function refreshIn(
  tx: Queryable,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<RefreshOutcome> {
  // Compiling a plan would cost more than running it, batch after batch: no JIT.
  const [lock] = await tx.execute<{ ok: boolean }>(sql`
    select pg_try_advisory_xact_lock(hashtext('storefeed.feed'), hashtext(${inlineWord(feed)})) as ok, set_config('jit', 'off', true)`)
  if (!lock?.ok) return 'busy'
  const state = (await readStates(tx)).get(feed)
  const plan = await planRefresh(tx, feed, state, settings)
  if (state && plan.items < state.reference_items * (1 - settings.maxDrop)) {
    const reason = `It would fall from ${state.reference_items} items to ${plan.items}.`
    await holdFeed(tx, feed, reason)
    return 'held'
  }
  await carryOut(tx, feed, plan, state, settings)
  return 'fresh'
}

type Plan = {
  slots: number
  /** Sorted. */
  touched: number[]
  /** How many the feed will hold. */
  items: number
}

async function planRefresh(
  tx: Queryable,
  feed: FeedName,
  state: FeedState | undefined,
  settings: RefreshSettings,
): Promise<Plan> {
  const hashes = await readNotes(tx, feed)
  if (!state || state.recipe !== settings.recipe || hashes.has(everyHash))
    return planAll(await countItems(tx, feed))
  const { slots } = state
  const touched = [...new Set([...hashes].map((hash) => slotOfHash(hash, slots)))].sort(
    (a, b) => a - b,
  )
  const items = await countAfter(tx, feed, state, touched)
  return outgrown(slots, items) ? planAll(items) : { slots, touched, items }
}

/** Slots are chosen anew. */
function planAll(items: number): Plan {
  const slots = slotsFor(items)
  return { slots, touched: Array.from({ length: slots }, (_, slot) => slot), items }
}

/** Few slots are counted by themselves; where there are many, counting all costs little beside rendering them. */
const fewSlots = 64

async function countAfter(
  tx: Queryable,
  feed: FeedName,
  { slots, items }: FeedState,
  touched: number[],
): Promise<number> {
  if (touched.length === 0) return items
  if (touched.length > fewSlots) return countItems(tx, feed)
  const [stored, present] = await Promise.all([
    countStored(tx, feed, touched),
    countItems(tx, feed, hashRanges(touched, slots)),
  ])
  return items - stored + present
}

/** Chunks that come out as they are stay as they are; when none changes, neither does the version. */
async function carryOut(
  tx: Queryable,
  feed: FeedName,
  { slots, touched, items }: Plan,
  state: FeedState | undefined,
  { decimals, recipe }: RefreshSettings,
): Promise<void> {
  await removeNotes(tx, feed)
  if (slots !== state?.slots) await removeChunks(tx, feed)
  const before = state?.version ?? 0
  const version = before + 1
  const rendering = { feed, version, slots, touched, slotsAtOnce: slotsAtOnce(slots, items) }
  const changed = await renderSlots(tx, { ...rendering, decimals })
  await writeState(tx, feed, { version: changed ? version : before, slots, items, recipe })
}

const itemsAtOnce = 4096
const slotsAtOnce = (slots: number, items: number) =>
  Math.max(1, Math.floor((itemsAtOnce * slots) / Math.max(items, slots)))
