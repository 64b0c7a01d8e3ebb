import type { Authorize } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { allows, type Scope } from './api-keys.ts'
import { apiCredentials, feedCredentials, type RawFeedCredentials } from './credentials.ts'
import type { KeyVerifier } from './key-verifier.ts'
import { type Principal, principalOf } from './principal.ts'
import type { CountRequest } from './rate-limits.ts'

export const bearerAuthorizer =
  (verify: KeyVerifier['verify']): Authorize =>
  async (c, scope) => {
    const session = principalOf(c)
    const { id, name } = requireScope(session ?? (await verify(apiCredentials(c))), scope)
    return { via: session ? 'console' : 'rest', keyId: id, name }
  }

/** Throws an {@link AppError} when the key does not open feeds, or when the client polls too often. */
export type AuthorizeFeed = (
  given: RawFeedCredentials,
  remoteAddress: string | undefined,
) => Promise<void>

/** Without `verify` feeds are public. */
export const feedAuthorizer =
  (count: CountRequest, verify: KeyVerifier['verify'] | undefined): AuthorizeFeed =>
  async (given, remoteAddress) => {
    const caller = feedCredentials(given, remoteAddress)
    await count(caller)
    if (verify) requireScope(await verify(caller), 'feeds')
  }

function requireScope(principal: Principal | null, scope: Scope): Principal {
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
