import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { id } from '../lib/fields.ts'
import { pageQuery } from '../lib/pagination.ts'
import { visitPage, visitRecord } from './customer-schemas.ts'
import { listVisits, recordVisit, visitInput } from './visits.ts'

export function visitRoutes(api: ApiContext, db: Database): void {
  endpoint(
    api,
    {
      method: 'post',
      path: '/v1/visits',
      operationId: 'recordVisit',
      summary: 'Record that a customer was in a store; the most recent store is sent to Klaviyo',
      tag: 'visits',
      scope: 'write',
      params: none,
      query: none,
      body: visitInput,
      responses: {
        200: { description: 'Already recorded', schema: visitRecord },
        201: { description: 'Recorded', schema: visitRecord },
      },
      errors: ['conflict'],
    },
    async ({ body }, c) => {
      const { visit, created } = await recordVisit(db, body)
      return c.json(visit, created ? 201 : 200)
    },
  )
  endpoint(
    api,
    {
      method: 'get',
      path: '/v1/visits',
      operationId: 'listVisits',
      summary: 'List the visits of a customer',
      tag: 'visits',
      scope: 'read',
      params: none,
      query: z.strictObject({ ...pageQuery, customer_id: id }),
      body: noBody,
      responses: { 200: { description: 'A page of visits, newest first', schema: visitPage } },
    },
    async ({ query }, c) => {
      const { visits, nextCursor } = await listVisits(db, query.customer_id, query)
      return c.json({ visits, next_cursor: nextCursor })
    },
  )
}
