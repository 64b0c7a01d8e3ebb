/** Serves polls: a response contains every write committed before the poll began, or says that it does not. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/connection.ts'
import { type FeedFormat, type FeedName, feedNames } from '../db/schema/feeds.ts'
import { coalesce } from '../lib/coalesce.ts'
import { AppError } from '../lib/errors.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { createFeedResponse, type FeedResponse } from './feed-response.ts'
import { BrokenChunks, type FeedSnapshot, loadSnapshot } from './feed-snapshot.ts'
import {
  type FeedState,
  type FeedStates,
  isInHistory,
  isUpToDate,
  readStates,
} from './feed-state.ts'
import { type RefreshOutcome, type RefreshSettings, refresh } from './refresh.ts'
import { claimRendering, type Renderer } from './renderer.ts'
import type { Part } from './slots.ts'

/** `stale`: the last good feed, because the current one was not ready in time. `held`: the same, because the new one lost too many items. */
export type Freshness = 'fresh' | 'stale' | 'held'

export type FeedService = {
  poll: (
    feed: FeedName,
    format: FeedFormat,
    part: Part,
    /** If they were read already, after the poll began. */
    states?: FeedStates,
  ) => Promise<{ response: FeedResponse; freshness: Freshness }>
  /** Applies pending changes in the background, so that polls need not. */
  refresh: (feed: FeedName) => Promise<RefreshOutcome>
  /** Loads every feed that was built, so that it can be served while the database is away. */
  load: () => Promise<void>
  /** Says that this server renders, or takes over when nobody does; false while servers that render otherwise do. */
  claim: () => Promise<boolean>
  /** What share of a refresh that is under way in this process is done; undefined while there is none. */
  progress: (feed: FeedName) => number | undefined
}

export type FeedServiceSettings = RefreshSettings &
  Renderer & {
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
  const caches = perFeed((feed) => ({
    json: createFeedCache(db, feed, 'json'),
    xml: createFeedCache(db, feed, 'xml'),
  }))
  const progress = new Map<FeedName, number>()
  let hasStarted = false
  const claim = coalesce(async () => {
    if ((await readStates(db)).isNewer) return false
    const isOurs = await claimRendering(db, settings, { isStarting: !hasStarted })
    hasStarted = true
    return isOurs
  })
  const refreshers = perFeed((feed) =>
    coalesce(async () => {
      if (!hasStarted) await claim()
      const onProgress = (share: number) => void progress.set(feed, share)
      return refresh(db, feed, { ...settings, onProgress }).finally(() => progress.delete(feed))
    }),
  )
  /** The render key of what is to be served. */
  const expectedKey = ({ renderKey }: FeedStates) =>
    (hasStarted ? renderKey : null) ?? settings.renderKey
  const isElsewhere = (states: FeedStates) =>
    states.isNewer || expectedKey(states) !== settings.renderKey

  /** Whether no change is pending and the cache is what the database has, as usually. */
  function isCurrent(states: FeedStates, feed: FeedName, cache: FeedCache): boolean {
    const state = states.feeds[feed]
    return !states.isNewer && isUpToDate(state, expectedKey(states)) && cache.isCurrent(state)
  }

  /** One attempt to bring the cache up to date; undefined when it has to be repeated. */
  async function update(
    feed: FeedName,
    cache: FeedCache,
    states: FeedStates,
  ): Promise<Freshness | undefined> {
    const state = states.feeds[feed]
    if (state && !cache.snapshot()) await cache.load().catch(retryIfBroken)
    // What else that release wants of a feed is unknown.
    if (states.isNewer) return 'stale'
    if (isUpToDate(state, expectedKey(states))) return loadAtLeast(feed, cache, state)
    return isElsewhere(states) ? undefined : refreshAndLoad(feed, cache)
  }

  async function refreshAndLoad(feed: FeedName, cache: FeedCache): Promise<Freshness | undefined> {
    const result = await refreshers[feed]()
    if (result.outcome === 'fresh') return loadAtLeast(feed, cache, result)
    if (result.outcome !== 'held') return undefined
    await cache.load()
    return 'held'
  }

  /** Undefined when what was loaded does not hold that version, because a crash or a failover has lost it. */
  async function loadAtLeast(
    feed: FeedName,
    cache: FeedCache,
    wanted: FeedVersion,
  ): Promise<'fresh' | undefined> {
    if (!cache.isCurrent(wanted)) await cache.load()
    if (cache.isCurrent(wanted)) return 'fresh'
    const isLater = (cache.snapshot()?.version ?? 0) > wanted.version
    return isLater && (await isInHistory(db, feed, wanted)) ? 'fresh' : undefined
  }

  /** At least one attempt; it goes on after the poll that began it has been answered. */
  async function updateBefore(
    deadline: number,
    feed: FeedName,
    cache: FeedCache,
    first: FeedStates,
  ): Promise<Freshness> {
    let states = first
    do {
      const freshness = await update(feed, cache, states).catch(retryIfBroken)
      if (freshness) return freshness
      await sleep(busyPauseMs)
      states = await readAllStates()
    } while (Date.now() < deadline)
    return 'stale'
  }

  /** Broken chunks are recorded as changes, so the next attempt renders them again. */
  function retryIfBroken(error: unknown): undefined {
    if (!(error instanceof BrokenChunks)) throw error
    settings.warn('broken chunks of a feed are rendered again', error)
  }

  /** Usually no change is pending and the cache is current, which one query shows for all concurrent polls. */
  async function freshnessOf(
    feed: FeedName,
    cache: FeedCache,
    known: FeedStates | undefined,
  ): Promise<Freshness> {
    const deadline = Date.now() + settings.waitMs
    try {
      const states = known ?? (await readAllStates())
      if (isCurrent(states, feed, cache)) return 'fresh'
      return await withTimeout(updateBefore(deadline, feed, cache, states), deadline - Date.now())
    } catch (error) {
      settings.warn('a poll was answered with a stale feed', error)
      return 'stale'
    }
  }

  async function poll(feed: FeedName, format: FeedFormat, part: Part, states?: FeedStates) {
    const cache = caches[feed][format]
    const freshness =
      states && isCurrent(states, feed, cache) ? 'fresh' : await freshnessOf(feed, cache, states)
    const response = cache.response(part)
    if (response) return { response, freshness }
    throw new AppError(
      'unavailable',
      'The feed is not built yet, or the database does not answer. Try again later.',
    )
  }

  async function refreshIfPending(feed: FeedName): Promise<RefreshOutcome> {
    const states = await readAllStates()
    if (isElsewhere(states)) return 'elsewhere'
    if (isUpToDate(states.feeds[feed], settings.renderKey)) return 'fresh'
    const { outcome } = await refreshers[feed]()
    // The first build: from now on there is a last good feed.
    await loadCaches(feed, (cache) => !cache.snapshot())
    return outcome
  }

  async function load(): Promise<void> {
    const { feeds, isNewer } = await readAllStates()
    for (const feed of feedNames) {
      const state = feeds[feed]
      await loadCaches(feed, (cache) =>
        state && !isNewer ? !cache.isCurrent(state) : !cache.snapshot(),
      )
    }
  }

  async function loadCaches(feed: FeedName, needsIt: (cache: FeedCache) => boolean): Promise<void> {
    for (const cache of [caches[feed].json, caches[feed].xml])
      if (needsIt(cache)) await cache.load().catch(retryIfBroken)
  }

  return { poll, refresh: refreshIfPending, load, claim, progress: (feed) => progress.get(feed) }
}

function perFeed<T>(make: (feed: FeedName) => T): Record<FeedName, T> {
  return { products: make('products'), stores: make('stores') }
}

type FeedVersion = Pick<FeedState, 'version' | 'build'>

type FeedCache = {
  snapshot: () => FeedSnapshot | undefined
  /** Whether the snapshot is the version that the database has. */
  isCurrent: (version: FeedVersion) => boolean
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
  // Version numbers repeat after a restore; builds do not.
  const isCurrent = ({ build }: FeedVersion) => build !== null && snapshot?.build === build
  function response(part: Part): FeedResponse | undefined {
    if (!snapshot) return undefined
    const key = `${part.number}-of-${part.of}`
    const found = responses.get(key) ?? createFeedResponse(snapshot, part)
    responses.set(key, found)
    return found
  }
  return { snapshot: () => snapshot, isCurrent, load, response }
}
