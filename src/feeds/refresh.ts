/** Brings a feed up to date: takes the pending changes and renders the slots they touch, in one transaction. */

import { type Database, type Queryable, transaction } from '../db/connection.ts'
import { type FeedFormat, type FeedFrame, type FeedName, feedFormats } from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import { analyzeChunks, renderSlots } from './chunk-store.ts'
import {
  type FeedState,
  holdFeed,
  isUpToDate,
  lockFeed,
  recordBuild,
  writeState,
} from './feed-state.ts'
import { type Formatter, formatters } from './formatters.ts'
import type { ItemSettings } from './item-rows.ts'
import { readPendingChanges, removePendingChanges } from './pending-changes.ts'
import { bytesIn, type Plan, planRefresh } from './refresh-plan.ts'
import { removeChunks, saveChunks } from './save-chunks.ts'

export type RefreshSettings = ItemSettings & {
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
  /** Called as a refresh goes on, with the share of its slots that it has rendered. */
  onProgress?: (share: number) => void
}

/**
 * `busy`: another process is refreshing this feed. `held`: too many items would be lost, so feed and changes stay as they
 * are. `elsewhere`: servers of another release or with other settings render the feeds.
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
    const { chunks, isWhole, ...result } = await transaction(
      db,
      (tx) => refreshIn(tx, feed, settings),
      { isolationLevel: 'repeatable read' },
    )
    if (isWhole) await analyzeChunks(db)
    report(result.outcome, chunks)
    return result
  } catch (error) {
    report('failed', 0)
    throw error
  }
}

/** `isWhole`: all of it was rendered. */
type Refreshed = RefreshResult & { chunks: number; isWhole?: boolean }

async function refreshIn(
  tx: Queryable,
  feed: FeedName,
  settings: RefreshSettings,
): Promise<Refreshed> {
  // Sent together; Postgres executes them in this order.
  const [locked, changes] = await settleBoth(lockFeed(tx, feed), readPendingChanges(tx, feed))
  if (locked === 'busy') return { outcome: 'busy', chunks: 0 }
  const { feeds, renderKey, isNewer } = locked
  if (isNewer || (renderKey !== null && renderKey !== settings.renderKey))
    return { outcome: 'elsewhere', chunks: 0 }
  const state = feeds[feed]
  // Another refresh may have taken the changes meanwhile.
  if (isUpToDate(state, settings.renderKey))
    return { outcome: 'fresh', version: state.version, build: state.build, chunks: 0 }
  const plan = await planRefresh(tx, feed, state, changes, settings)
  if (state && plan.items < state.reference_items * (1 - settings.maxDrop)) {
    const reason = `It would fall from ${state.reference_items} items to ${plan.items}.`
    await holdFeed(tx, feed, reason)
    return { outcome: 'held', chunks: 0 }
  }
  const written = await applyRefresh(tx, feed, plan, state, settings)
  return {
    outcome: 'fresh',
    ...written,
    chunks: plan.touched.length * feedFormats.length + plan.relisted.length,
    isWhole: plan.touched.length === plan.slots,
  }
}

/** Unchanged chunks stay as they are; when none changes, the version stays too, unless the feed is now rendered otherwise. */
async function applyRefresh(
  tx: Queryable,
  feed: FeedName,
  { slots, touched, relisted, items, bytes, touchedItems, stored, read }: Plan,
  state: FeedState | undefined,
  settings: RefreshSettings,
): Promise<{ version: number; build: string }> {
  const { renderKey, onProgress } = settings
  if (slots !== state?.slots) await removeChunks(tx, feed)
  const before = state?.version ?? 0
  const version = before + 1
  const rendering = { feed, version, slots, touched, stored, read }
  // The removal is sent first, and nothing waits for it.
  const [, written] = await settleBoth(removePendingChanges(tx, feed), renderAndSave())
  return written

  async function renderAndSave() {
    const {
      changed,
      rendered,
      bytes: renderedBytes,
      last,
    } = await renderSlots(tx, {
      ...rendering,
      settings,
      onBatch: (count) => onProgress?.(count / touched.length),
    })
    if (rendered !== touchedItems)
      throw new Error(
        `${touchedItems} items of the ${feed} feed were counted, but ${rendered} rendered: this release does not fit the database`,
      )
    const kept =
      changed || relisted.length > 0 || state?.render_key !== renderKey ? undefined : state.build
    const isWhole = touched.length === slots
    const next = {
      slots,
      items,
      bytes: isWhole ? renderedBytes : Math.max(0, bytes - bytesIn(stored) + renderedBytes),
      render_key: renderKey,
      frames: framesOf(feed),
    }
    const [, [build]] = await settleBoth(
      saveChunks(tx, rendering, [...last, ...relisted]),
      settleBoth(
        kept ?? recordBuild(tx, feed, version),
        writeState(tx, feed, { ...next, version: kept ? before : version }),
      ),
    )
    return { version: kept ? before : version, build }
  }
}

const framesOf = (feed: FeedName): Record<FeedFormat, FeedFrame> => ({
  json: frameOf(formatters[feed].json),
  xml: frameOf(formatters[feed].xml),
})

const frameOf = ({ contentType, head, separator, tail }: Formatter): FeedFrame => ({
  contentType,
  head,
  separator,
  tail,
})
