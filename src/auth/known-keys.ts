/** The valid keys as the database last had them: what they open for reading stays open while it does not answer. */
import type { Database } from '../db/connection.ts'
import { hashOf, principalOfKey, readValidKeys } from './api-keys.ts'
import type { Principal } from './principal.ts'

export type KnownKeys = {
  load: () => Promise<void>
  /** Asks the database; null when the key is unknown or revoked. */
  lookup: (key: string) => Promise<Principal | null>
  /** Without the database. */
  lastKnown: (key: string) => Principal | null
}

export function createKnownKeys(db: Database): KnownKeys {
  let keysByHash = new Map<string, Principal>()
  return {
    async load() {
      keysByHash = await readValidKeys(db)
    },
    async lookup(key) {
      const principal = await principalOfKey(db, key)
      if (principal === null) keysByHash.delete(hashOf(key))
      return principal
    },
    lastKnown: (key) => keysByHash.get(hashOf(key)) ?? null,
  }
}
