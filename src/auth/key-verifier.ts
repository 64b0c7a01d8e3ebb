import { RateLimiterMemory } from 'rate-limiter-flexible'
import type { Limits } from '../http/limits.ts'
import { coalesceByKey } from '../lib/coalesce.ts'
import { AppError } from '../lib/errors.ts'
import { withTimeout } from '../lib/with-timeout.ts'
import type { Credentials } from './credentials.ts'
import type { Principal } from './principal.ts'
import { consume, windowSeconds } from './rate-limits.ts'

/** Null when the key is unknown or revoked. */
type Found<P extends Principal = Principal> = P | null
export type Verify<P extends Principal = Principal> = (caller: Credentials) => Promise<Found<P>>
type LookUp<P extends Principal> = (key: string) => Promise<Found<P>>

export type KeyVerifier = {
  /** Looks the key up, so a revoked one ends at once. Rejects when the address must wait or the database does not answer. */
  verify: Verify
  /** The same, but while the database does not answer, a key keeps the scopes it was last known to have. */
  verifyOrLastKnown: Verify
  /** The same by a lookup that reads more, which is missing when it fails. */
  verifyBy: <P extends Principal>(lookUp: LookUp<P>) => Verify<P | Principal>
  /** Whether the key was valid when this address last sent it. */
  isTrusted: (caller: Credentials) => boolean
}

const maxTrusted = 10_000
/** Of one key from one address, so that the process has work to do while Postgres answers. */
const concurrentLookups = 2

/** An address and a key as one name: an address holds no blank. */
const nameOf = ({ address, key }: Credentials) => `${address} ${key}`
const keyOf = (name: string) => name.slice(name.indexOf(' ') + 1)

export function createKeyVerifier(
  lookUp: LookUp<Principal>,
  { keyCheckMs, wrongKeys }: Pick<Limits, 'keyCheckMs' | 'wrongKeys'>,
  lastKnown: (key: string) => Found = () => null,
): KeyVerifier {
  const wrong = new RateLimiterMemory({
    points: wrongKeys,
    duration: windowSeconds,
    keyPrefix: '',
  })
  /** The keys as they were last known, by address and key: one is trusted only at addresses that sent it while it was valid. */
  const trusted = new Map<string, Principal>()

  /** Not bounded in time: an answer that comes too late for its request still counts for the next one. */
  async function lookup<P extends Principal>(name: string, by: LookUp<P>): Promise<Found<P>> {
    const principal = await by(keyOf(name))
    if (principal) trust(name, principal)
    else distrust(keyOf(name))
    return principal
  }

  function trust(caller: string, { id, name, scopes }: Principal): void {
    trusted.set(caller, { id, name, scopes })
    const [oldest] = trusted.keys()
    if (trusted.size > maxTrusted && oldest !== undefined) trusted.delete(oldest)
  }

  /** At every address. */
  function distrust(key: string): void {
    for (const name of trusted.keys()) if (keyOf(name) === key) trusted.delete(name)
  }

  /**
   * A key that is not trusted counts as wrong until it is found valid, so that no more are tried in parallel than in
   * sequence.
   */
  async function check<P extends Principal>(name: string, by: LookUp<P>): Promise<Found<P>> {
    const [address = ''] = name.split(' ', 1)
    const wasTrusted = trusted.has(name)
    if (!wasTrusted) await consume(wrong, address, 'Too many wrong keys came from this address.')
    let isWrong = false
    try {
      const principal = await withTimeout(lookup(name, by), keyCheckMs)
      isWrong = principal === null
      return principal
    } finally {
      if (wasTrusted && isWrong) await wrong.penalty(address)
      if (!wasTrusted && !isWrong) await wrong.reward(address)
    }
  }

  async function checkOrLastKnown<P extends Principal>(
    name: string,
    by: LookUp<P>,
  ): Promise<Found<P | Principal>> {
    try {
      return await check(name, by)
    } catch (error) {
      // An address that must wait does so with a valid key too.
      const last = error instanceof AppError ? null : lastKnown(keyOf(name))
      const principal = trusted.get(name) ?? last
      if (!principal) throw error
      return principal
    }
  }

  function verifierOf<P extends Principal>(
    checkKey: (name: string) => Promise<Found<P>>,
  ): Verify<P> {
    const checkOnce = coalesceByKey(checkKey, concurrentLookups)
    return (caller) => (caller.key ? checkOnce(nameOf(caller)) : Promise.resolve(null))
  }

  return {
    verify: verifierOf((name) => check(name, lookUp)),
    verifyOrLastKnown: verifierOf((name) => checkOrLastKnown(name, lookUp)),
    verifyBy: (by) => verifierOf((name) => checkOrLastKnown(name, by)),
    isTrusted: (caller) => trusted.has(nameOf(caller)),
  }
}
