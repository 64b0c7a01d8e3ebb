/** In charge of keys on the way in: whether the one that a request carries allows what is asked. */
import type { Context } from 'hono'
import { inTime } from '../db/in-time.ts'
import { Refusal } from '../errors.ts'
import { allows, type Scope } from '../services/keys.ts'
import { type Caller, callerOf, type FeedCredentials, pollerOf } from './caller.ts'
import type { KeyGate } from './key-gate.ts'
import type { CountRequest } from './rate-limits.ts'

/** How long a poller waits for the word on a key that was good before: it would be let in all the same. */
const shortPatienceMs = 1_000

/** Null when the key is unknown or revoked. */
export type AskForKey = (key: string) => Promise<Scope[] | null>

/** Throws a refusal when the request may not do what needs `scope`. */
export type Authorize = (c: Context, scope: Scope) => Promise<void>

export function bearerAuthorizer(ask: AskForKey, gate: KeyGate): Authorize {
  return async (c, scope) => admit(await gate.scopesOf(callerOf(c), ask), scope)
}

/** Throws a refusal when there is nothing for this poller, or when he polls too often. */
export type AuthorizeFeed = (
  given: FeedCredentials,
  remoteAddress: string | undefined,
) => Promise<void>

/**
 * No key is needed when feeds are public. While the database does not answer, the last good feed is opened by a
 * key that was good from this address, unless it has been found revoked since.
 */
export function feedAuthorizer(
  ask: AskForKey,
  feedsPublic: boolean,
  { gate, count }: { gate: KeyGate; count: CountRequest },
): AuthorizeFeed {
  async function scopesOf(poller: Caller): Promise<readonly Scope[] | null> {
    if (!gate.lastScopes(poller)) return gate.scopesOf(poller, ask)
    try {
      // The look goes on: one that says too late that the key is revoked counts from then on.
      return await inTime(gate.scopesOf(poller, ask), shortPatienceMs)
    } catch (error) {
      const held = gate.lastScopes(poller)
      if (!held) throw error
      return held
    }
  }
  return async (given, remoteAddress) => {
    const poller = pollerOf(given, remoteAddress)
    await count(poller)
    if (!feedsPublic) admit(await scopesOf(poller), 'feeds')
  }
}

function admit(held: readonly Scope[] | null, scope: Scope): void {
  if (held === null)
    throw new Refusal(
      'unauthorized',
      'The request carries no key, or one that is unknown or revoked.',
    )
  if (!allows(held, scope))
    throw new Refusal(
      'forbidden',
      `This needs a key with the scope "${scope}"; the key given has ${held.map((one) => `"${one}"`).join(', ')}.`,
    )
}
