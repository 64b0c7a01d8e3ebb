import { z } from 'zod'
import type { Queryable } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { text } from '../lib/fields.ts'
import { cachedValues, suggest, suggestedFields } from './catalog-values.ts'

const allFields = [...new Set([...suggestedFields.products, ...suggestedFields.stores])]

const query = z
  .strictObject({
    of: z.enum(['products', 'stores']),
    field: z.enum(allFields),
    q: text(255).default('').meta({ description: 'Part of the value, in any case' }),
    limit: z.coerce.number('must be a number').int().min(1).max(100).default(20),
  })
  .superRefine(({ of, field }, context) => {
    const known: readonly string[] = suggestedFields[of]
    if (!known.includes(field))
      context.addIssue({
        code: 'custom',
        path: ['field'],
        message: `must be one of ${known.join(', ')} for ${of}`,
      })
  })

const found = z
  .strictObject({
    values: z.array(
      z.strictObject({
        value: z.string(),
        count: z.int().meta({ description: 'How many records have it' }),
      }),
    ),
  })
  .meta({ id: 'CatalogValues' })

export function valuesRoutes(api: ApiContext, db: Queryable): void {
  const listValues = cachedValues(db)
  endpoint(
    api,
    {
      method: 'get',
      path: '/v1/catalog/values',
      operationId: 'suggestValues',
      summary: 'List the values that a field has, most frequent first, at most a minute old',
      tag: 'catalog',
      scope: 'read',
      params: none,
      query,
      body: noBody,
      responses: {
        200: { description: 'Those that begin with q, then those that hold it', schema: found },
      },
    },
    async ({ query: { of, field, q, limit } }, c) =>
      c.json({ values: suggest(await listValues(of, field), q, limit) }),
  )
}
