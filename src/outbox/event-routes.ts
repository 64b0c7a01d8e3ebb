import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { id, instant } from '../lib/fields.ts'
import { pageQuery } from '../lib/pagination.ts'
import {
  discardMessage,
  getMessage,
  listMessages,
  messageRecord,
  metrics,
  retryFailed,
  retryMessage,
  statuses,
} from './messages.ts'

const common = { tag: 'events', params: none, query: none, body: noBody } as const
const byId = z.strictObject({
  id: z.coerce.number('must be a number').int().min(1).max(Number.MAX_SAFE_INTEGER),
})
const oneMessage = { 200: { description: 'The message', schema: messageRecord } }

const listQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(statuses).optional(),
  metric: z.enum(metrics).optional(),
  order_id: id.optional(),
  customer_id: id.optional(),
  with_warnings: z.stringbool().optional(),
  since: instant.optional(),
  until: instant.optional(),
})

export function eventRoutes(api: ApiContext, db: Database): void {
  readRoutes(api, db)
  endpoint(
    api,
    {
      ...common,
      method: 'post',
      path: '/v1/events/retry',
      operationId: 'retryFailedEvents',
      summary: 'Retry all failed messages',
      scope: 'write',
      responses: {
        200: { description: 'How many are retried', schema: z.strictObject({ retried: z.int() }) },
      },
    },
    async (_input, c) => c.json({ retried: await retryFailed(db) }),
  )
  const change = {
    ...common,
    method: 'post',
    scope: 'write',
    params: byId,
    responses: oneMessage,
  } as const
  endpoint(
    api,
    {
      ...change,
      path: '/v1/events/{id}/retry',
      operationId: 'retryEvent',
      summary: 'Retry a message under its own unique_id',
      errors: ['not_found', 'conflict'],
    },
    async ({ params }, c) => c.json(await retryMessage(db, params.id)),
  )
  endpoint(
    api,
    {
      ...change,
      path: '/v1/events/{id}/discard',
      operationId: 'discardEvent',
      summary: 'Discard a message, so that it is never sent',
      errors: ['not_found', 'conflict'],
    },
    async ({ params }, c) => c.json(await discardMessage(db, params.id)),
  )
}

function readRoutes(api: ApiContext, db: Database): void {
  const read = { ...common, method: 'get', scope: 'read' } as const
  const page = z
    .strictObject({ events: z.array(messageRecord), next_cursor: z.string().nullable() })
    .meta({ id: 'EventPage' })
  endpoint(
    api,
    {
      ...read,
      path: '/v1/events',
      operationId: 'listEvents',
      summary: 'List messages to Klaviyo',
      query: listQuery,
      responses: { 200: { description: 'A page of messages, newest first', schema: page } },
    },
    async ({ query }, c) => {
      const { messages, nextCursor } = await listMessages(db, query, query)
      return c.json({ events: messages, next_cursor: nextCursor })
    },
  )
  endpoint(
    api,
    {
      ...read,
      path: '/v1/events/{id}',
      operationId: 'getEvent',
      summary: 'Read a message and the payload that was sent',
      params: byId,
      responses: oneMessage,
      errors: ['not_found'],
    },
    async ({ params }, c) => c.json(await getMessage(db, params.id)),
  )
}
