import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { id } from '../lib/fields.ts'
import { customerPatch, customerReplacement } from './customer-input.ts'
import { customerRecord, customersFound } from './customer-schemas.ts'
import { getCustomer, patchCustomer, saveCustomer } from './customers.ts'
import { eraseCustomer } from './erasure.ts'
import { customerSearch, findCustomers } from './find-customers.ts'

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
      summary: 'Create or replace a customer; changes are sent to Klaviyo',
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
      method: 'patch',
      operationId: 'patchCustomer',
      summary: 'Change some fields of a customer; changes are sent to Klaviyo',
      scope: 'write',
      body: customerPatch,
      errors: ['not_found', 'conflict'],
    },
    async ({ params, body }, c) => c.json(await patchCustomer(db, params.id, body)),
  )
  endpoint(
    api,
    {
      ...common,
      method: 'delete',
      operationId: 'eraseCustomer',
      summary: 'Erase a customer: their orders stay anonymous, and nothing more about them is sent',
      // It cannot be undone, and the keys of points of sale may write.
      scope: 'admin',
      body: noBody,
      responses: { 204: { description: 'Erased' } },
      errors: ['not_found', 'conflict'],
    },
    async ({ params }, c) => {
      await eraseCustomer(db, params.id)
      return c.body(null, 204)
    },
  )
  endpoint(
    api,
    {
      ...common,
      method: 'post',
      path: '/v1/customers/search',
      operationId: 'searchCustomers',
      summary: 'Find customers by id, e-mail or telephone, none of which stands in a URL',
      scope: 'read',
      params: none,
      body: customerSearch,
      responses: { 200: { description: 'Those who match any of them', schema: customersFound } },
    },
    async ({ body }, c) => c.json(await findCustomers(db, body)),
  )
}
