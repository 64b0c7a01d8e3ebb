import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { id } from '../lib/fields.ts'
import { addLink, removeLink } from './availability.ts'

const params = z.strictObject({ product_id: id, store_id: id })

const sides = [
  { tag: 'products', path: '/v1/products/{product_id}/stores/{store_id}', name: 'StoreOfProduct' },
  { tag: 'stores', path: '/v1/stores/{store_id}/products/{product_id}', name: 'ProductOfStore' },
]

export function availabilityRoutes(api: ApiContext, db: Database): void {
  for (const { name, ...side } of sides) {
    const common = {
      ...side,
      params,
      query: none,
      body: noBody,
      scope: 'write',
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
        await addLink(db, input.params.product_id, input.params.store_id)
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
        await removeLink(db, input.params.product_id, input.params.store_id)
        return c.body(null, 204)
      },
    )
  }
}
