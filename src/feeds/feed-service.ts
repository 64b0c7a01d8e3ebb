/** Serves polls: a response contains every write committed before the poll began, or says that it does not. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/connection.ts'
import type { FeedFormat, FeedName } from '../db/schema/feeds.ts'
import { coalesce } from '../lib/coalesce.ts'
import { AppError } from '../lib/errors.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { createFeedResponse, type FeedResponse } from './feed-response.ts'
import { BrokenChunks, type FeedSnapshot, loadSnapshot } from './feed-snapshot.ts'
import { type FeedState, readStates } from './feed-state.ts'
import { type RefreshOutcome, type RefreshSettings, refresh } from './refresh.ts'
import type { Part } from './slots.ts'

/** `stale`: the last good feed, because the current one was not ready in time. `held`: the same, because the new one lost too many items. */
export type Freshness = 'fresh' | 'stale' | 'held'

export type FeedService = {
  poll: (
    feed: FeedName,
    format: FeedFormat,
    part: Part,
  ) => Promise<{ response: FeedResponse; freshness: Freshness }>
  /** Applies pending changes in the background, so that polls need not. */
  refresh: (feed: FeedName) => Promise<RefreshOutcome>
}

export type FeedServiceSettings = RefreshSettings & {
  /** How long a poll waits for the current feed before it gets the last good one. */
  waitMs: number
  /** Called for failures of polls that were answered all the same. */
  warn: (message: string, error: unknown) => void
}

const busyPauseMs = 5
/** Two, so that the process has work while Postgres answers; more would only add queries. */
const stateReads = 2
/** Even a poll that waits for no refresh has to find out whether one is needed. */
const stateTimeoutMs = (waitMs: number) => Math.max(waitMs, 100)

export function createFeedService(db: Database, settings: FeedServiceSettings): FeedService {
  const readAllStates = coalesce(
    () => withTimeout(readStates(db), stateTimeoutMs(settings.waitMs)),
    stateReads,
  )
  const refreshers = perFeed((feed) => coalesce(() => refresh(db, feed, settings)))
  const caches = perFeed((feed) => ({
    json: createFeedCache(db, feed, 'json'),
    xml: createFeedCache(db, feed, 'xml'),
  }))
  const isUpToDate = (state: FeedState | undefined) =>
    state !== undefined && !state.waiting && state.render_key === settings.renderKey

  /** One attempt to bring the cache up to date; undefined while another process refreshes the feed. */
  async function update(
    feed: FeedName,
    cache: FeedCache,
    state: FeedState | undefined,
  ): Promise<Freshness | undefined> {
    if (state && !cache.snapshot()) await cache.load().catch(retryIfBroken)
    if (state && isUpToDate(state)) {
      if (!cache.isCurrent(state)) await cache.load()
      return 'fresh'
    }
    const outcome = await refreshers[feed]()
    if (outcome === 'busy') return undefined
    await cache.load()
    return outcome
  }

  /** At least one attempt; it goes on after the poll that began it has been answered. */
  async function updateBefore(
    deadline: number,
    feed: FeedName,
    cache: FeedCache,
    first: FeedState | undefined,
  ): Promise<Freshness> {
    let state = first
    do {
      const freshness = await update(feed, cache, state).catch(retryIfBroken)
      if (freshness) return freshness
      await sleep(busyPauseMs)
      state = (await readAllStates())[feed]
    } while (Date.now() < deadline)
    return 'stale'
  }

  /** Broken chunks are recorded as changes, so the next attempt renders them again. */
  function retryIfBroken(error: unknown): undefined {
    if (!(error instanceof BrokenChunks)) throw error
    settings.warn('broken chunks of a feed are rendered again', error)
  }

  /** Usually no change is pending and the cache is current, which one query shows for all concurrent polls. */
  async function freshnessOf(feed: FeedName, cache: FeedCache): Promise<Freshness> {
    const deadline = Date.now() + settings.waitMs
    try {
      const state = (await readAllStates())[feed]
      if (state && isUpToDate(state) && cache.isCurrent(state)) return 'fresh'
      return await withTimeout(updateBefore(deadline, feed, cache, state), deadline - Date.now())
    } catch (error) {
      settings.warn('a poll was answered with a stale feed', error)
      return 'stale'
    }
  }

  async function poll(feed: FeedName, format: FeedFormat, part: Part) {
    const cache = caches[feed][format]
    const freshness = await freshnessOf(feed, cache)
    const response = cache.response(part)
    if (response) return { response, freshness }
    throw new AppError(
      'unavailable',
      'The feed is not built yet, or the database does not answer. Try again later.',
    )
  }

  async function refreshIfPending(feed: FeedName): Promise<RefreshOutcome> {
    const state = (await readAllStates())[feed]
    return isUpToDate(state) ? 'fresh' : refreshers[feed]()
  }

  return { poll, refresh: refreshIfPending }
}

function perFeed<T>(make: (feed: FeedName) => T): Record<FeedName, T> {
  return { products: make('products'), stores: make('stores') }
}

type FeedCache = {
  snapshot: () => FeedSnapshot | undefined
  /** Whether the snapshot is the version that the database has. */
  isCurrent: (state: FeedState) => boolean
  load: () => Promise<void>
  /** From the snapshot; undefined when there is none. */
  response: (part: Part) => FeedResponse | undefined
}

/** The newest snapshot of one feed in one format, and the responses made from it. */
function createFeedCache(db: Database, feed: FeedName, format: FeedFormat): FeedCache {
  let snapshot: FeedSnapshot | undefined
  let responses = new Map<string, FeedResponse>()
  const load = coalesce(async () => {
    const loaded = await loadSnapshot(db, feed, format, snapshot)
    responses = new Map()
    snapshot = loaded
  })
  // The build too: a restored database reuses version numbers.
  const isCurrent = ({ version, build }: FeedState) =>
    snapshot?.version === version && snapshot.build === build
  function response(part: Part): FeedResponse | undefined {
    if (!snapshot) return undefined
    const key = `${part.number}-of-${part.of}`
    const found = responses.get(key) ?? createFeedResponse(snapshot, part)
    responses.set(key, found)
    return found
  }
  return { snapshot: () => snapshot, isCurrent, load, response }
}
