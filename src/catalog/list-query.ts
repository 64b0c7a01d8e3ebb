/** The query of a list of products or stores: its filters, as texts, and how it is paged and sorted. */
import { z } from 'zod'
import { booleanQuery, pageQuery } from '../lib/pagination.ts'
import type { Sort } from './catalog-sort.ts'

/** The first of the sorts is the default. */
export function listQuery<Shape extends z.ZodRawShape, S extends Sort>(
  { shape }: z.ZodObject<Shape>,
  sorts: readonly [S, ...S[]],
) {
  return z.strictObject({
    ...pageQuery,
    sort: z.enum(sorts).default(sorts[0]).meta({
      description: 'The order of the list; with - before it, from the largest or newest on',
    }),
    count: booleanQuery.meta({ description: 'Whether to count what matches, on all pages' }),
    etags: booleanQuery.meta({
      description: 'Whether to answer the ETag of each record, for If-Match',
    }),
    ...parametersOf(shape),
  })
}

/** The cast: Object.fromEntries forgets that each parameter is read to what its filter holds. */
function parametersOf<Shape extends z.ZodRawShape>(shape: Shape) {
  const parameters = Object.entries(shape).map(([name, filter]) => [name, parameterOf(filter)])
  return Object.fromEntries(parameters) as {
    [Name in keyof Shape]: z.ZodType<z.output<Shape[Name]>>
  }
}

const amount = z
  .string()
  .regex(/^\d{1,10}(\.\d{1,4})?$/, 'must be an amount, such as 9.95')
  .transform(Number)
  .optional()

function parameterOf(filter: z.core.$ZodType): z.core.$ZodType {
  if (!(filter instanceof z.ZodOptional)) return filter
  const inner = filter.unwrap()
  if (inner instanceof z.ZodBoolean) return booleanQuery.meta(filter.meta() ?? {})
  if (inner instanceof z.ZodNumber) return amount.meta(filter.meta() ?? {})
  return filter
}
