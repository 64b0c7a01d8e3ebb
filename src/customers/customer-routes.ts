/** In charge of the endpoints of customers. */
import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { id } from '../lib/fields.ts'
import { customerRecord, customerReplacement, getCustomer, saveCustomer } from './customers.ts'
import { eraseCustomer } from './erasure.ts'

const common = {
  path: '/v1/customers/{id}',
  tag: 'customers',
  params: z.strictObject({ id }),
  query: none,
  responses: { 200: { description: 'As it is now', schema: customerRecord } },
} as const

export function customerRoutes(api: ApiContext, db: Database): void {
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      operationId: 'getCustomer',
      summary: 'Read a customer',
      scope: 'read',
      body: noBody,
      errors: ['not_found'],
    },
    async ({ params }, c) => c.json(await getCustomer(db, params.id)),
  )
  endpoint(
    api,
    {
      ...common,
      method: 'put',
      operationId: 'saveCustomer',
      summary: 'Make a customer or replace it whole; Klaviyo is told of what changed',
      scope: 'write',
      body: customerReplacement,
      errors: ['conflict'],
    },
    async ({ params, body }, c) => c.json(await saveCustomer(db, params.id, body)),
  )
  endpoint(
    api,
    {
      ...common,
      method: 'delete',
      operationId: 'eraseCustomer',
      summary: 'Erase a person: their orders stay without them, and nothing more of them is sent',
      // It cannot be undone, and the keys of tills may write.
      scope: 'admin',
      body: noBody,
      responses: { 204: { description: 'Erased' } },
      errors: ['not_found'],
    },
    async ({ params }, c) => {
      await eraseCustomer(db, params.id)
      return c.body(null, 204)
    },
  )
}
