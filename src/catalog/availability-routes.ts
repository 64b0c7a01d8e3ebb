import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { id } from '../lib/fields.ts'
import { addLink, changeLinks, type Link, removeLink } from './availability.ts'
import { changeAvailability, maxPairs } from './availability-bulk.ts'
import type { CatalogResource, CatalogTypes } from './catalog-resource.ts'
import type { LintSettings } from './lint-rules.ts'
import { productResource } from './products.ts'
import { expectedShape, isOneSelection, oneSelection, selectionShape } from './selection.ts'
import { storeResource } from './stores.ts'

const params = z.strictObject({ product_id: id, store_id: id })

const sides = [
  { tag: 'products', path: '/v1/products/{product_id}/stores/{store_id}', name: 'StoreOfProduct' },
  { tag: 'stores', path: '/v1/stores/{store_id}/products/{product_id}', name: 'ProductOfStore' },
]

const maxChanges = 10_000
const changes = z.array(params).max(maxChanges).default([])
const batch = z
  .strictObject({ add: changes, remove: changes })
  .refine(
    ({ add, remove }) => add.length + remove.length <= maxChanges,
    `must name at most ${maxChanges} links together`,
  )
  .meta({
    id: 'AvailabilityBatch',
    examples: [{ add: [{ product_id: '1111', store_id: '1212' }], remove: [] }],
  })
const counts = z
  .strictObject({ added: z.int(), removed: z.int(), unchanged: z.int() })
  .meta({ id: 'AvailabilityCounts' })

const selection = <T extends CatalogTypes>(resource: CatalogResource<T>) =>
  z.strictObject(selectionShape(resource)).refine(isOneSelection, oneSelection)
const bulk = z
  .strictObject({
    products: selection(productResource),
    stores: selection(storeResource),
    action: z.enum(['add', 'remove']),
    ...expectedShape,
  })
  .meta({ id: 'AvailabilityChange' })
const bulkResult = z
  .strictObject({
    products: z.int(),
    stores: z.int(),
    matched: z.int().meta({ description: 'Pairs of a product and a store' }),
    changed: z.int().meta({ description: 'Those that are not as they should be already' }),
    sample: z.array(
      z.strictObject({
        product_id: z.string(),
        product_title: z.string(),
        store_id: z.string(),
        store_title: z.string(),
      }),
    ),
  })
  .meta({ id: 'AvailabilityResult' })

export function availabilityRoutes(api: ApiContext, db: Database, lint: LintSettings): void {
  for (const { name, ...side } of sides) {
    const common = {
      ...side,
      params,
      query: none,
      body: noBody,
      scope: 'write',
      recorded: true,
      errors: ['not_found'],
    } as const
    endpoint(
      api,
      {
        ...common,
        method: 'put',
        operationId: `add${name}`,
        summary: 'Sell a product in a store',
        responses: { 204: { description: 'The product is sold there' } },
      },
      async (input, c) => {
        await addLink(db.recorded(input.recording), input.params.product_id, input.params.store_id)
        return c.body(null, 204)
      },
    )
    endpoint(
      api,
      {
        ...common,
        method: 'delete',
        operationId: `remove${name}`,
        summary: 'Stop selling a product in a store',
        responses: { 204: { description: 'The product is no longer sold there' } },
      },
      async (input, c) => {
        await removeLink(
          db.recorded(input.recording),
          input.params.product_id,
          input.params.store_id,
        )
        return c.body(null, 204)
      },
    )
  }
  endpoint(
    api,
    {
      method: 'post',
      path: '/v1/availability/batch',
      operationId: 'changeAvailability',
      summary: `Start and stop selling up to ${maxChanges} products in stores, all or nothing`,
      tag: 'availability',
      scope: 'write',
      recorded: true,
      params: none,
      query: none,
      body: batch,
      responses: { 200: { description: 'How many links were changed', schema: counts } },
    },
    async ({ body: { add, remove }, recording }, c) => {
      assertApart(add, remove)
      const { added, removed } = await changeLinks(db.recorded(recording), add, remove)
      return c.json({ added, removed, unchanged: add.length + remove.length - added - removed })
    },
  )
  endpoint(
    api,
    {
      method: 'post',
      path: '/v1/availability/bulk',
      operationId: 'changeMatchingAvailability',
      summary: `Sell matching products in matching stores or stop it, up to ${maxPairs} pairs`,
      tag: 'availability',
      scope: 'write',
      params: none,
      query: none,
      body: bulk,
      recorded: true,
      responses: { 200: { description: 'What was changed, or would be', schema: bulkResult } },
      errors: ['conflict'],
    },
    async ({ body: { expected, dry_run, ...change }, recording }, c) =>
      c.json(
        await changeAvailability(db.recorded(recording), change, {
          expected,
          dryRun: dry_run,
          lint,
        }),
      ),
  )
}

function assertApart(add: Link[], remove: Link[]): void {
  const name = ({ product_id, store_id }: Link) => `${product_id},${store_id}`
  const added = new Set(add.map(name))
  const errors = remove.flatMap((link, index) =>
    added.has(name(link)) ? [{ field: `remove.${index}`, detail: 'is in add too' }] : [],
  )
  if (errors.length > 0)
    throw new AppError('invalid', 'A link cannot be added and removed.', errors)
}
