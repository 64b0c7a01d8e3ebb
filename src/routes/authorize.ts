/** In charge of keys on the way in: whether the one that a request carries allows what is asked. */
import type { Context } from 'hono'
import { inTime } from '../db/in-time.ts'
import { Refusal } from '../errors.ts'
import { allows, hashOf, type Scope } from '../services/keys.ts'
import { callerOf, type FeedCredentials, pollerOf } from './caller.ts'
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
 * No key is needed when feeds are public. One that was good when it was last asked for opens the last
 * good feed while the database does not answer.
 */
export function feedAuthorizer(
  ask: AskForKey,
  feedsPublic: boolean,
  { gate, count }: { gate: KeyGate; count: CountRequest },
): AuthorizeFeed {
  const lastGood = new Map<string, Scope[]>()

  async function scopesOf(key: string): Promise<Scope[] | null> {
    const hash = hashOf(key)
    try {
      const held = await (lastGood.has(hash) ? inTime(ask(key), shortPatienceMs) : ask(key))
      if (held) lastGood.set(hash, held)
      else lastGood.delete(hash)
      return held
    } catch (error) {
      const held = lastGood.get(hash)
      if (!held) throw error
      return held
    }
  }
  return async (given, remoteAddress) => {
    const poller = pollerOf(given, remoteAddress)
    await count(poller)
    if (!feedsPublic) admit(await gate.scopesOf(poller, scopesOf), 'feeds')
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
