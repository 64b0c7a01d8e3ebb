/** What the API says of what the lint rules find. */
import { z } from 'zod'
import { findingCodes } from './finding-codes.ts'

const code = z.enum(findingCodes)
const severity = z
  .enum(['error', 'warning'])
  .meta({ description: '`error`: Klaviyo may not take the item, or nobody can use it' })
const advice = z.string()

export const finding = z
  .strictObject({
    code,
    severity,
    found: z.string().meta({ description: 'Follows the name of the item in a sentence' }),
    advice,
  })
  .meta({ id: 'Finding' })
export type Finding = z.infer<typeof finding>

export const reportedItem = z
  .strictObject({
    id: z.string(),
    title: z.string(),
    diagnostics: z.array(finding),
  })
  .meta({ id: 'ReportedItem' })
export type ReportedItem = z.infer<typeof reportedItem>

export const countedFinding = z
  .strictObject({
    code,
    severity,
    count: z.int(),
    example: z.string().meta({ description: 'The id of one of the items' }),
    found: z.string().meta({ description: 'Follows the number of items in a sentence' }),
    advice,
  })
  .meta({ id: 'CountedFinding' })
export type CountedFinding = z.infer<typeof countedFinding>
