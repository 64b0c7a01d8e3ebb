/** In charge of keys on the way in: whether the one that a request carries allows what is asked. */
import type { Authorize } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import { allows, type Scope } from './api-keys.ts'
import {
  apiCredentials,
  type Credentials,
  feedCredentials,
  type RawFeedCredentials,
} from './credentials.ts'
import type { KeyVerifier } from './key-verifier.ts'
import type { CountRequest } from './rate-limits.ts'

/** How long a poller waits for the word on a key that was good before: it would be let in all the same. */
const shortPatienceMs = 1_000

/** Null when the key is unknown or revoked. */
export type LookupScopes = (key: string) => Promise<Scope[] | null>

export function bearerAuthorizer(ask: LookupScopes, gate: KeyVerifier): Authorize {
  return async (c, scope) => requireScope(await gate.scopesOf(apiCredentials(c), ask), scope)
}

/** Throws a refusal when there is nothing for this poller, or when he polls too often. */
export type AuthorizeFeed = (
  given: RawFeedCredentials,
  remoteAddress: string | undefined,
) => Promise<void>

/**
 * No key is needed when feeds are public. While the database does not answer, the last good feed is opened by a
 * key that was good from this address, unless it has been found revoked since.
 */
export function feedAuthorizer(
  ask: LookupScopes,
  feedsPublic: boolean,
  { gate, count }: { gate: KeyVerifier; count: CountRequest },
): AuthorizeFeed {
  async function scopesOf(poller: Credentials): Promise<readonly Scope[] | null> {
    if (!gate.lastScopes(poller)) return gate.scopesOf(poller, ask)
    try {
      // The look goes on: one that says too late that the key is revoked counts from then on.
      return await withTimeout(gate.scopesOf(poller, ask), shortPatienceMs)
    } catch (error) {
      const held = gate.lastScopes(poller)
      if (!held) throw error
      return held
    }
  }
  return async (given, remoteAddress) => {
    const poller = feedCredentials(given, remoteAddress)
    await count(poller)
    if (!feedsPublic) requireScope(await scopesOf(poller), 'feeds')
  }
}

function requireScope(held: readonly Scope[] | null, scope: Scope): void {
  if (held === null)
    throw new AppError(
      'unauthorized',
      'The request carries no key, or one that is unknown or revoked.',
    )
  if (!allows(held, scope))
    throw new AppError(
      'forbidden',
      `This needs a key with the scope "${scope}"; the key given has ${held.map((one) => `"${one}"`).join(', ')}.`,
    )
}
