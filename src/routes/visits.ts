/** In charge of the endpoint of visits. */
import type { Database } from '../db/connect.ts'
import { recordVisit, visitDraft, visitRecord } from '../services/visits.ts'
import { type Door, endpoint, none } from './endpoint.ts'

export function visitRoutes(door: Door, db: Database): void {
  endpoint(
    door,
    {
      method: 'post',
      path: '/v1/visits',
      operationId: 'recordVisit',
      summary: 'Record that a customer was in a store; Klaviyo is told of the most recent one',
      tag: 'visits',
      scope: 'write',
      params: none,
      query: none,
      body: visitDraft,
      answers: {
        200: { description: 'Recorded before', schema: visitRecord },
        201: { description: 'Recorded', schema: visitRecord },
      },
      refuses: ['conflict'],
    },
    async ({ body }, c) => {
      const { visit, created } = await recordVisit(db, body)
      return c.json(visit, created ? 201 : 200)
    },
  )
}
