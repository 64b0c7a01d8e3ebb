/** In charge of refusing e-mails and telephones that the sandbox was told to refuse, as Klaviyo refuses what it cannot reach. */

import type { ProfileInput } from '../account/profile-input.ts'
import type { FaultInjector } from '../faults/fault-injector.ts'
import type { ErrorDetail } from './errors.ts'

/** `pointer` is that of the profile's attributes. */
export function findBadIdentifiers(
  dice: FaultInjector,
  { identifiers }: ProfileInput,
  pointer: string,
): ErrorDetail[] {
  return (['email', 'phone_number'] as const)
    .filter((name) => dice.isBadIdentifier(identifiers[name]))
    .map((name) => ({
      detail: `The sandbox was told to refuse this ${name}.`,
      pointer: `${pointer}/${name}`,
    }))
}
