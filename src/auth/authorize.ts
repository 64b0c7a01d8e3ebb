import type { Authorize } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { allows, type Scope } from './api-keys.ts'
import { apiCredentials, feedCredentials, type RawFeedCredentials } from './credentials.ts'
import type { KeyVerifier, Verify } from './key-verifier.ts'
import { type Principal, principalOf } from './principal.ts'
import type { CountRequest } from './rate-limits.ts'

export const bearerAuthorizer =
  (verify: KeyVerifier['verify']): Authorize =>
  async (c, scope) => {
    const session = principalOf(c)
    const { id, name } = requireScope(session ?? (await verify(apiCredentials(c))), scope)
    return { via: session ? 'console' : 'rest', keyId: id, name }
  }

/**
 * Throws an {@link AppError} when the key does not open feeds, or when the client polls too often. Null where feeds are
 * public.
 */
export type AuthorizeFeed<P extends Principal = Principal> = (
  given: RawFeedCredentials,
  remoteAddress: string | undefined,
) => Promise<P | null>

/** Without `verify` feeds are public. */
export const feedAuthorizer =
  <P extends Principal>(count: CountRequest, verify: Verify<P> | undefined): AuthorizeFeed<P> =>
  async (given, remoteAddress) => {
    const caller = feedCredentials(given, remoteAddress)
    await count(caller)
    return verify ? requireScope(await verify(caller), 'feeds') : null
  }

function requireScope<P extends Principal>(principal: P | null, scope: Scope): P {
  if (principal === null)
    throw new AppError(
      'unauthorized',
      'The request carries no key, or one that is unknown or revoked.',
    )
  const { scopes } = principal
  if (!allows(scopes, scope))
    throw new AppError(
      'forbidden',
      `This needs a key with the scope "${scope}"; the key given has ${scopes.map((one) => `"${one}"`).join(', ')}.`,
    )
  return principal
}
