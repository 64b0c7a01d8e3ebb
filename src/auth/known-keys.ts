/** The valid keys as the database last had them: what they open for reading stays open while it does not answer. */
import type { Database } from '../db/connection.ts'
import { hashOf, readValidKeys, type Scope, scopesOfKey } from './api-keys.ts'

export type KnownKeys = {
  load: () => Promise<void>
  /** Asks the database; null when the key is unknown or revoked. */
  lookup: (key: string) => Promise<readonly Scope[] | null>
  /** Without the database. */
  lastScopes: (key: string) => readonly Scope[] | null
}

export function createKnownKeys(db: Database): KnownKeys {
  let scopesByHash = new Map<string, readonly Scope[]>()
  return {
    async load() {
      scopesByHash = await readValidKeys(db)
    },
    async lookup(key) {
      const scopes = await scopesOfKey(db, key)
      if (scopes === null) scopesByHash.delete(hashOf(key))
      return scopes
    },
    lastScopes: (key) => scopesByHash.get(hashOf(key)) ?? null,
  }
}
