/** In charge of polls: sees to it that an answer holds every write committed before the poll began, or says that it does not. */
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

/** `stale`: the last good feed, because the truth could not be had in time. `held`: the same, because the new one lost too many items. */
export type Freshness = 'fresh' | 'stale' | 'held'

export type FeedService = {
  poll: (
    feed: FeedName,
    format: FeedFormat,
    part: Part,
  ) => Promise<{ served: FeedResponse; freshness: Freshness }>
  /** Brings a feed up to date if anything waits, as polls do, so that they need not. */
  refresh: (feed: FeedName) => Promise<RefreshOutcome>
}

export type FeedServiceSettings = RefreshSettings & {
  /** How long a poll waits for the truth before it gives the last good feed. */
  waitMs: number
  /** Told of what went wrong while a poll was answered all the same. */
  warn: (message: string, error: unknown) => void
}

const busyPauseMs = 5
/** So that the process has something to do while Postgres answers; more would only be more queries. */
const statesAtOnce = 2
/** Even who waits for no refresh must have asked whether one is needed. */
const patienceMs = (waitMs: number) => Math.max(waitMs, 100)

export function createFeedService(db: Database, settings: FeedServiceSettings): FeedService {
  const readAllStates = coalesce(
    () => withTimeout(readStates(db), patienceMs(settings.waitMs)),
    statesAtOnce,
  )
  const refreshers = perFeed((feed) => coalesce(() => refresh(db, feed, settings)))
  const shelves = perFeed((feed) => ({
    json: createShelf(db, feed, 'json'),
    xml: createShelf(db, feed, 'xml'),
  }))
  const isCurrent = (state: FeedState | undefined) =>
    state !== undefined && !state.waiting && state.render_key === settings.renderKey

  /** One attempt at the truth; undefined while another process has it in hands. */
  async function catchUp(
    feed: FeedName,
    shelf: Shelf,
    state: FeedState | undefined,
  ): Promise<Freshness | undefined> {
    if (state && !shelf.copy()) await shelf.load().catch(againIfBroken)
    if (state && isCurrent(state)) {
      if (!shelf.holds(state)) await shelf.load()
      return 'fresh'
    }
    const outcome = await refreshers[feed]()
    if (outcome === 'busy') return undefined
    await shelf.load()
    return outcome
  }

  /** At least one attempt, which goes on when the poll that began it has been answered. */
  async function catchUpBefore(
    deadline: number,
    feed: FeedName,
    shelf: Shelf,
    first: FeedState | undefined,
  ): Promise<Freshness> {
    let state = first
    do {
      const freshness = await catchUp(feed, shelf, state).catch(againIfBroken)
      if (freshness) return freshness
      await sleep(busyPauseMs)
      state = (await readAllStates())[feed]
    } while (Date.now() < deadline)
    return 'stale'
  }

  /** Broken chunks have been noted, so the next attempt renders them again. */
  function againIfBroken(error: unknown): undefined {
    if (!(error instanceof BrokenChunks)) throw error
    settings.warn('a feed was found broken and is rendered again', error)
  }

  /** In the usual case nothing waits and the copy is the newest, which one query says for all who ask at once. */
  async function freshnessOf(feed: FeedName, shelf: Shelf): Promise<Freshness> {
    const deadline = Date.now() + settings.waitMs
    try {
      const state = (await readAllStates())[feed]
      if (state && isCurrent(state) && shelf.holds(state)) return 'fresh'
      return await withTimeout(catchUpBefore(deadline, feed, shelf, state), deadline - Date.now())
    } catch (error) {
      settings.warn('a poll could not bring its feed up to date', error)
      return 'stale'
    }
  }

  async function poll(feed: FeedName, format: FeedFormat, part: Part) {
    const shelf = shelves[feed][format]
    const freshness = await freshnessOf(feed, shelf)
    const served = shelf.serve(part)
    if (served) return { served, freshness }
    throw new AppError(
      'unavailable',
      'The feed is not built yet, or the database does not answer. Try again soon.',
    )
  }

  async function refreshWaiting(feed: FeedName): Promise<RefreshOutcome> {
    const state = (await readAllStates())[feed]
    return isCurrent(state) ? 'fresh' : refreshers[feed]()
  }

  return { poll, refresh: refreshWaiting }
}

function perFeed<T>(make: (feed: FeedName) => T): Record<FeedName, T> {
  return { products: make('products'), stores: make('stores') }
}

type Shelf = {
  copy: () => FeedSnapshot | undefined
  /** Whether the copy is the version that the database has. */
  holds: (state: FeedState) => boolean
  load: () => Promise<void>
  /** Of the copy at hand; undefined when there is none. */
  serve: (part: Part) => FeedResponse | undefined
}

/** The newest copy of one feed in one format, and the answers already made of it. */
function createShelf(db: Database, feed: FeedName, format: FeedFormat): Shelf {
  let copy: FeedSnapshot | undefined
  let answers = new Map<string, FeedResponse>()
  const load = coalesce(async () => {
    const loaded = await loadSnapshot(db, feed, format, copy)
    answers = new Map()
    copy = loaded
  })
  // The build too: a database that was restored counts its versions a second time.
  const holds = ({ version, build }: FeedState) => copy?.version === version && copy.build === build
  function serve(part: Part): FeedResponse | undefined {
    if (!copy) return undefined
    const name = `${part.number}-of-${part.of}`
    const served = answers.get(name) ?? createFeedResponse(copy, part)
    answers.set(name, served)
    return served
  }
  return { copy: () => copy, holds, load, serve }
}
