import { z } from 'zod'

/** Something that is missing from an event, or wrong in it, or left out of what a customer is said to be. */
export const warningRecord = z
  .strictObject({
    code: z.string(),
    field: z.string().meta({ description: 'Of the order or customer; may be empty' }),
    detail: z.string(),
  })
  .meta({ id: 'Warning' })
export type Warning = z.infer<typeof warningRecord>

/** Without those whose field and detail are another one's. */
export const withoutRepeats = (...warnings: Warning[][]): Warning[] => [
  ...new Map(
    warnings.flat().map((warning) => [`${warning.field} ${warning.detail}`, warning]),
  ).values(),
]
