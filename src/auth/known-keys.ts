/** The valid keys as the database last had them: what they open for reading stays open while it does not answer. */
import type { Database, Queryable } from '../db/connection.ts'
import { hashOf, principalOfKey, readPrincipal, readValidKeys } from './api-keys.ts'
import type { Principal } from './principal.ts'

export type KnownKeys = {
  load: () => Promise<void>
  /** Asks the database; null when the key is unknown or revoked. */
  lookup: (key: string) => Promise<Principal | null>
  /** The same in one query with `more` columns; see {@link readPrincipal}. */
  lookupWith: <More extends object>(
    db: Queryable,
    key: string,
    more?: string,
  ) => Promise<More & { principal: Principal | null }>
  /** Without the database. */
  lastKnown: (key: string) => Principal | null
}

export function createKnownKeys(db: Database): KnownKeys {
  let keysByHash = new Map<string, Principal>()

  function known(key: string, principal: Principal | null) {
    if (principal === null) keysByHash.delete(hashOf(key))
    return principal
  }
  return {
    async load() {
      keysByHash = await readValidKeys(db)
    },
    lookup: async (key) => known(key, await principalOfKey(db, key)),
    async lookupWith<More extends object>(from: Queryable, key: string, more?: string) {
      const read = await readPrincipal<More>(from, key, more)
      known(key, read.principal)
      return read
    },
    lastKnown: (key) => keysByHash.get(hashOf(key)) ?? null,
  }
}
