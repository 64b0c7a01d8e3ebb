/** In charge of the endpoints of messages to Klaviyo: what waits, what was sent, what was refused, and another try. */
import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { id, instant } from '../services/fields.ts'
import {
  discardMessage,
  getMessage,
  listMessages,
  messageRecord,
  metrics,
  retryBuried,
  retryMessage,
  statuses,
} from '../services/messages.ts'
import { pageQuery } from './catalog-routes.ts'
import { type Door, endpoint, noBody, none } from './endpoint.ts'

const common = { tag: 'events', params: none, query: none, body: noBody } as const
const byId = z.strictObject({
  id: z.coerce.number('must be a number').int().min(1).max(Number.MAX_SAFE_INTEGER),
})
const one = { 200: { description: 'As it is now', schema: messageRecord } }

const listQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(statuses).optional(),
  metric: z.enum(metrics).optional(),
  order_id: id.optional(),
  customer_id: id.optional(),
  since: instant.optional(),
  until: instant.optional(),
})

export function eventRoutes(door: Door, db: Database): void {
  reading(door, db)
  endpoint(
    door,
    {
      ...common,
      method: 'post',
      path: '/v1/events/retry',
      operationId: 'retryBuriedEvents',
      summary: 'Send all buried messages again',
      scope: 'write',
      answers: {
        200: { description: 'How many', schema: z.strictObject({ retried: z.int() }) },
      },
    },
    async (_input, c) => c.json({ retried: await retryBuried(db) }),
  )
  const acts = { ...common, method: 'post', scope: 'write', params: byId, answers: one } as const
  endpoint(
    door,
    {
      ...acts,
      path: '/v1/events/{id}/retry',
      operationId: 'retryEvent',
      summary: 'Send a message again, under its own unique_id',
      refuses: ['not_found', 'conflict'],
    },
    async ({ params }, c) => c.json(await retryMessage(db, params.id)),
  )
  endpoint(
    door,
    {
      ...acts,
      path: '/v1/events/{id}/discard',
      operationId: 'discardEvent',
      summary: 'Never send a message',
      refuses: ['not_found', 'conflict'],
    },
    async ({ params }, c) => c.json(await discardMessage(db, params.id)),
  )
}

function reading(door: Door, db: Database): void {
  const reads = { ...common, method: 'get', scope: 'read' } as const
  const page = z
    .strictObject({ events: z.array(messageRecord), next_cursor: z.string().nullable() })
    .meta({ id: 'EventPage' })
  endpoint(
    door,
    {
      ...reads,
      path: '/v1/events',
      operationId: 'listEvents',
      summary: 'List messages to Klaviyo',
      query: listQuery,
      answers: { 200: { description: 'A page, newest first', schema: page } },
    },
    async ({ query }, c) => {
      const { messages, nextCursor } = await listMessages(db, query, query)
      return c.json({ events: messages, next_cursor: nextCursor })
    },
  )
  endpoint(
    door,
    {
      ...reads,
      path: '/v1/events/{id}',
      operationId: 'getEvent',
      summary: 'Read a message with its payload as sent',
      params: byId,
      answers: one,
      refuses: ['not_found'],
    },
    async ({ params }, c) => c.json(await getMessage(db, params.id)),
  )
}
