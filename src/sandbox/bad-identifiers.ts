/** In charge of refusing e-mails and telephones that the sandbox was told to refuse, as Klaviyo refuses what it cannot reach. */
import type { FaultDice } from './faults.ts'
import type { Person } from './person.ts'
import type { RefusalDetail } from './refusals.ts'

/** `pointer` is that of the profile's attributes. */
export function findBadIdentifiers(
  dice: FaultDice,
  { identifiers }: Person,
  pointer: string,
): RefusalDetail[] {
  return (['email', 'phone_number'] as const)
    .filter((name) => dice.isBadIdentifier(identifiers[name]))
    .map((name) => ({
      detail: `The sandbox was told to refuse this ${name}.`,
      pointer: `${pointer}/${name}`,
    }))
}
