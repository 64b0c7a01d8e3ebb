import { z } from 'zod'
import type { Database } from '../db/connection.ts'
import { type ApiContext, endpoint, noBody, none } from '../http/endpoint.ts'
import { AppError } from '../lib/errors.ts'
import { eventTime, id } from '../lib/fields.ts'
import { pageQuery } from '../lib/pagination.ts'
import { orderInput, updateInputs } from './order-input.ts'
import { getOrder, listOrders, orderSorts } from './order-reads.ts'
import { orderPage, orderRecord, updateRecord } from './order-schemas.ts'
import { recordUpdate } from './order-updates.ts'
import { type RecordedOrder, recordOrder } from './orders.ts'

const byId = z.strictObject({ id })
const common = { tag: 'orders', params: none, query: none, body: noBody } as const

const responses = {
  200: {
    description: 'Already recorded: unchanged if the content is the same, else amended',
    schema: orderRecord,
  },
  201: { description: 'Recorded', schema: orderRecord },
}

const listQuery = z.strictObject({
  ...pageQuery,
  customer_id: id.optional(),
  store_id: id.optional(),
  placed_since: eventTime.optional(),
  placed_until: eventTime.optional(),
  sort: z.enum(orderSorts).default('id'),
})

/** `currency` is the default of orders. */
export function orderRoutes(api: ApiContext, db: Database, currency: string): void {
  readRoutes(api, db)
  recordRoutes(api, db, currency)
  for (const [kind, path, operationId] of [
    ['fulfilled', 'fulfillments', 'recordFulfillment'],
    ['cancelled', 'cancellations', 'recordCancellation'],
    ['refunded', 'refunds', 'recordRefund'],
  ] as const) {
    endpoint(
      api,
      {
        ...common,
        method: 'post',
        path: `/v1/orders/{id}/${path}`,
        operationId,
        summary: `Record that an order, or some of its lines, was ${kind}`,
        scope: 'write',
        params: byId,
        body: updateInputs[kind],
        responses: {
          200: { description: 'Already recorded with the same content', schema: updateRecord },
          201: { description: 'Recorded', schema: updateRecord },
        },
        errors: ['not_found', 'conflict'],
      },
      async ({ params, body }, c) => {
        const { update, created } = await recordUpdate(db, params.id, kind, body)
        return c.json(update, created ? 201 : 200)
      },
    )
  }
}

function readRoutes(api: ApiContext, db: Database): void {
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/orders',
      operationId: 'listOrders',
      summary: 'List orders',
      scope: 'read',
      query: listQuery,
      responses: { 200: { description: 'A page of orders', schema: orderPage } },
    },
    async ({ query }, c) => {
      const { orders, nextCursor } = await listOrders(db, query, query)
      return c.json({ orders, next_cursor: nextCursor })
    },
  )
  endpoint(
    api,
    {
      ...common,
      method: 'get',
      path: '/v1/orders/{id}',
      operationId: 'getOrder',
      summary: 'Read an order with its items and updates',
      scope: 'read',
      params: byId,
      responses: { 200: { description: 'As it is now', schema: orderRecord } },
      errors: ['not_found'],
    },
    async ({ params }, c) => c.json(await getOrder(db, params.id)),
  )
}

function recordRoutes(api: ApiContext, db: Database, currency: string): void {
  const writes = { ...common, scope: 'write', responses, errors: ['conflict'] } as const
  const status = ({ created }: RecordedOrder) => (created ? 201 : 200)
  endpoint(
    api,
    {
      ...writes,
      method: 'post',
      path: '/v1/orders',
      operationId: 'recordOrder',
      summary:
        'Record an order with its items and its customer, or amend it; repeating it changes nothing',
      body: orderInput,
    },
    async ({ body }, c) => {
      const recorded = await recordOrder(db, body, { currency })
      return c.json(recorded.order, status(recorded))
    },
  )
  endpoint(
    api,
    {
      ...writes,
      method: 'put',
      path: '/v1/orders/{id}',
      operationId: 'saveOrder',
      summary: 'Record an order with the id in the path, or amend it',
      params: byId,
      body: orderInput.partial({ id: true }).meta({ id: 'OrderReplacement' }),
    },
    async ({ params, body }, c) => {
      if (body.id !== undefined && body.id !== params.id) {
        throw new AppError('invalid', 'The id in the body differs from the id in the path.', [
          { field: 'id', detail: `must be "${params.id}" or left out` },
        ])
      }
      const recorded = await recordOrder(db, { ...body, id: params.id }, { currency })
      return c.json(recorded.order, status(recorded))
    },
  )
}
