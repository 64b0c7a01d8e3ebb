/** In charge of the endpoints of customers. */
import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { eraseCustomer } from '../services/customer-erasure.ts'
import {
  customerRecord,
  customerReplacement,
  getCustomer,
  saveCustomer,
} from '../services/customers.ts'
import { id } from '../services/fields.ts'
import { type Door, endpoint, noBody, none } from './endpoint.ts'

const common = {
  path: '/v1/customers/{id}',
  tag: 'customers',
  params: z.strictObject({ id }),
  query: none,
  answers: { 200: { description: 'As it is now', schema: customerRecord } },
} as const

export function customerRoutes(door: Door, db: Database): void {
  endpoint(
    door,
    {
      ...common,
      method: 'get',
      operationId: 'getCustomer',
      summary: 'Read a customer',
      scope: 'read',
      body: noBody,
      refuses: ['not_found'],
    },
    async ({ params }, c) => c.json(await getCustomer(db, params.id)),
  )
  endpoint(
    door,
    {
      ...common,
      method: 'put',
      operationId: 'saveCustomer',
      summary: 'Make a customer or replace it whole; Klaviyo is told of what changed',
      scope: 'write',
      body: customerReplacement,
      refuses: ['conflict'],
    },
    async ({ params, body }, c) => c.json(await saveCustomer(db, params.id, body)),
  )
  endpoint(
    door,
    {
      ...common,
      method: 'delete',
      operationId: 'eraseCustomer',
      summary: 'Erase a person: their orders stay without them, and nothing more of them is sent',
      // It cannot be undone, and the keys of tills may write.
      scope: 'admin',
      body: noBody,
      answers: { 204: { description: 'Erased' } },
      refuses: ['not_found'],
    },
    async ({ params }, c) => {
      await eraseCustomer(db, params.id)
      return c.body(null, 204)
    },
  )
}
