import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, none } from '../http/endpoint.ts'
import { recordVisit, visitInput, visitRecord } from './visits.ts'

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
}
