import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { id, instant } from '../lib/fields.ts'
import { pageQuery } from '../lib/pagination.ts'
import { causeName, listCauses, withCause } from './causes.ts'
import {
  discardInput,
  discardMessage,
  discardMessages,
  retryInput,
  retryMessage,
  retryMessages,
} from './change-messages.ts'
import {
  causeReport,
  deliverySummary,
  discardCounts,
  eventPage,
  messageRecord,
  retryCounts,
} from './event-schemas.ts'
import { getMessage, listMessages, metrics, statuses } from './messages.ts'
import { summarizeQueues } from './summary.ts'

const common = { tag: 'events', params: none, query: none, body: noBody } as const
const byId = z.strictObject({
  id: z.coerce.number('must be a number').int().min(1).max(Number.MAX_SAFE_INTEGER),
})
const oneMessage = { 200: { description: 'The message', schema: messageRecord } }

const filters = {
  metric: z.enum(metrics).optional(),
  order_id: id.optional(),
  customer_id: id.optional(),
  since: instant.optional(),
  until: instant.optional(),
}
const listQuery = z.strictObject({
  ...pageQuery,
  ...filters,
  status: z.enum(statuses).optional(),
  unique_id: id.optional(),
  cause: causeName.optional().meta({
    description: 'Of an error, as /v1/events/errors names it; without status, of failed messages',
  }),
  with_warnings: z.stringbool().optional(),
})
const causeQuery = z.strictObject({
  ...filters,
  status: z.enum(['failed', 'unsendable', 'pending']).default('failed'),
})

export function eventRoutes(api: ApiContext, db: Database): void {
  // Before the routes with an id, which could be `summary`.
  reportRoutes(api, db)
  readRoutes(api, db)
  changeRoutes(api, db)
}

function changeRoutes(api: ApiContext, db: Database): void {
  const write = { ...common, method: 'post', scope: 'write' } as const
  endpoint(
    api,
    {
      ...write,
      path: '/v1/events/retry',
      operationId: 'retryFailedEvents',
      summary: 'Retry messages by ids or filters; without a body, all that failed',
      body: retryInput.optional(),
      responses: { 200: { description: 'How many are retried', schema: retryCounts } },
      errors: ['conflict'],
    },
    async ({ body }, c) => c.json(await retryMessages(db, body ?? {})),
  )
  endpoint(
    api,
    {
      ...write,
      path: '/v1/events/discard',
      operationId: 'discardEvents',
      summary: 'Discard messages by ids or filters, so that they are never sent',
      body: discardInput,
      responses: { 200: { description: 'How many are discarded', schema: discardCounts } },
      errors: ['conflict'],
    },
    async ({ body }, c) => c.json(await discardMessages(db, body)),
  )
  const changeOne = {
    ...write,
    params: byId,
    responses: oneMessage,
    errors: ['not_found', 'conflict'],
  } as const
  endpoint(
    api,
    {
      ...changeOne,
      path: '/v1/events/{id}/retry',
      operationId: 'retryEvent',
      summary: 'Retry a message under its own unique_id',
    },
    async ({ params }, c) => c.json(await retryMessage(db, params.id)),
  )
  endpoint(
    api,
    {
      ...changeOne,
      path: '/v1/events/{id}/discard',
      operationId: 'discardEvent',
      summary: 'Discard a message, so that it is never sent',
    },
    async ({ params }, c) => c.json(await discardMessage(db, params.id)),
  )
}

function reportRoutes(api: ApiContext, db: Database): void {
  const read = { ...common, method: 'get', scope: 'read' } as const
  endpoint(
    api,
    {
      ...read,
      path: '/v1/events/summary',
      operationId: 'summarizeEvents',
      summary: 'How many messages wait, failed and were sent, by queue',
      responses: { 200: { description: 'The state of both queues', schema: deliverySummary } },
    },
    async (_input, c) => c.json(await summarizeQueues(db)),
  )
  endpoint(
    api,
    {
      ...read,
      path: '/v1/events/errors',
      operationId: 'listEventErrors',
      summary: 'Why messages failed: their errors grouped by cause',
      query: causeQuery,
      responses: { 200: { description: 'The most frequent causes first', schema: causeReport } },
    },
    async ({ query }, c) => c.json(await listCauses(db, query)),
  )
}

function readRoutes(api: ApiContext, db: Database): void {
  const read = { ...common, method: 'get', scope: 'read' } as const
  endpoint(
    api,
    {
      ...read,
      path: '/v1/events',
      operationId: 'listEvents',
      summary: 'List messages to Klaviyo',
      query: listQuery,
      responses: { 200: { description: 'A page of messages, newest first', schema: eventPage } },
    },
    async ({ query: { limit, cursor, ...filter } }, c) => {
      const wanted = await withCause(db, filter)
      const { messages, nextCursor } = await listMessages(db, wanted, { limit, cursor })
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
