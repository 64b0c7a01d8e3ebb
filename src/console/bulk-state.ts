/** What the dialog of a change of many shows. */
import { z } from 'zod'
import type { Action, Given, Selected } from './bulk-actions.ts'
import type { Kind } from './kinds.ts'
import type { StoreChoice } from './store-finder.tsx'

const fields = z.record(z.string(), z.unknown())
export const outcome = z.object({
  matched: z.number(),
  changed: z.number(),
  sample: z.array(
    z.union([
      z.object({ title: z.string(), before: fields, after: fields.nullable() }),
      z.object({ product_title: z.string(), store_title: z.string() }),
    ]),
  ),
})
export type Outcome = z.infer<typeof outcome>

export type BulkView = {
  kind: Kind
  name: string
  action: Action
  given: Given
  selected: Selected
  choice: StoreChoice
  outcome?: Outcome
  problem?: string
  /** What came between the preview and this one. */
  notice?: string
  errors?: { field: string; detail: string }[]
}
