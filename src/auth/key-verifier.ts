/** In charge of keys that are guessed: an address that gave wrong ones must wait, a key that was good there goes on. */
import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Scope } from './api-keys.ts'
import type { Credentials } from './credentials.ts'
import { consume, windowSeconds } from './rate-limits.ts'

type Held = readonly Scope[] | null
type Ask = (key: string) => Promise<Held>

export type KeyVerifier = {
  /** Whether this key was good when this address last gave it. */
  isTrusted: (caller: Credentials) => boolean
  /** Of a trusted key: what it was good for when it was last asked for, from wherever; undefined of any other. */
  lastScopes: (caller: Credentials) => readonly Scope[] | undefined
  /** What `ask` says of the key; throws a refusal, and does not ask, when the address must wait. */
  scopesOf: (caller: Credentials, ask: Ask) => Promise<Held>
}

const maxTrusted = 10_000
const nameOf = ({ address, key }: Credentials) => `${address} ${key}`

/**
 * A trusted key is asked for each time too, so a revoked one ends at once. Others count as wrong
 * until they are known to be good, so that no more are tried at once than one after another.
 */
export function createKeyVerifier(wrongKeys: number): KeyVerifier {
  const wrong = new RateLimiterMemory({
    points: wrongKeys,
    duration: windowSeconds,
    keyPrefix: '',
  })
  const trusted = new Set<string>()
  const lastGood = new Map<string, readonly Scope[]>()
  const underWay = new Map<string, Promise<Held>>()
  const isTrusted = (caller: Credentials) => trusted.has(nameOf(caller))

  async function askAndLearn(key: string, ask: Ask): Promise<Held> {
    const held = await ask(key)
    if (held) lastGood.set(key, held)
    else lastGood.delete(key)
    return held
  }

  async function askForTrusted(caller: Credentials, key: string, ask: Ask): Promise<Held> {
    const held = await askAndLearn(key, ask)
    if (held) return held
    trusted.delete(nameOf(caller))
    await wrong.penalty(caller.address)
    return null
  }

  async function askForUnknown(caller: Credentials, key: string, ask: Ask): Promise<Held> {
    await consume(wrong, caller.address, 'Too many wrong keys came from this address.')
    let isWrong = false
    try {
      const held = await askAndLearn(key, ask)
      if (held) trust(nameOf(caller))
      else isWrong = true
      return held
    } finally {
      if (!isWrong) await wrong.reward(caller.address)
    }
  }

  function trust(name: string): void {
    trusted.add(name)
    const [oldest] = trusted
    if (trusted.size > maxTrusted && oldest !== undefined) trusted.delete(oldest)
  }

  /** One question for all who come with the same key at once. */
  function shared(caller: Credentials, key: string, ask: Ask): Promise<Held> {
    const name = nameOf(caller)
    const answer =
      underWay.get(name) ?? askForUnknown(caller, key, ask).finally(() => underWay.delete(name))
    underWay.set(name, answer)
    return answer
  }

  return {
    isTrusted,
    lastScopes: (caller) => (isTrusted(caller) ? lastGood.get(caller.key ?? '') : undefined),
    scopesOf: async (caller, ask) => {
      if (!caller.key) return null
      const check = isTrusted(caller) ? askForTrusted : shared
      return check(caller, caller.key, ask)
    },
  }
}
