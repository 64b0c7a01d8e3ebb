/** Who polls, and the state of the feeds: one query, begun after the poll, reads both. */
import type { KnownKeys } from '../auth/known-keys.ts'
import type { Principal } from '../auth/principal.ts'
import type { Queryable } from '../db/connection.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { type FeedStates, feedStates, type StatesRow, toStates } from './feed-state.ts'

/** Without the states when these could not be read in time. */
export type Poller = Principal & { states?: FeedStates }

/** Well within the time that the lookup of a key may take. */
const togetherMs = 1_000

export const lookUpPoller =
  (db: Queryable, { lookup, lookupWith }: KnownKeys) =>
  async (key: string): Promise<Poller | null> => {
    try {
      const both = lookupWith<StatesRow>(db, key, `, ${feedStates} as states`)
      const read = await withTimeout(both, togetherMs)
      return read.principal && { ...read.principal, states: toStates(read) }
    } catch {
      // Whatever keeps the states from being read, a revoked key is refused.
      return lookup(key)
    }
  }
