/** In charge of the endpoints of orders and of what becomes of them. */
import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { Refusal } from '../errors.ts'
import { happened, id } from '../services/fields.ts'
import { orderDraft, orderRecord, updateDrafts, updateRecord } from '../services/order-drafts.ts'
import { getOrder, listOrders } from '../services/order-reads.ts'
import { recordUpdate } from '../services/order-updates.ts'
import { type RecordedOrder, recordOrder } from '../services/orders.ts'
import { pageQuery } from './catalog-routes.ts'
import { type Door, endpoint, noBody, none } from './endpoint.ts'

const byId = z.strictObject({ id })
const common = { tag: 'orders', params: none, query: none, body: noBody } as const

const recorded = {
  200: { description: 'Recorded before, with the same content', schema: orderRecord },
  201: { description: 'Recorded', schema: orderRecord },
}

const listQuery = z.strictObject({
  ...pageQuery,
  customer_id: id.optional(),
  store_id: id.optional(),
  placed_since: happened.optional(),
  placed_until: happened.optional(),
})

/** `currency` is that of orders which name none. */
export function orderRoutes(door: Door, db: Database, currency: string): void {
  reading(door, db)
  recording(door, db, currency)
  for (const [kind, path, operationId] of [
    ['fulfilled', 'fulfillments', 'recordFulfillment'],
    ['cancelled', 'cancellations', 'recordCancellation'],
    ['refunded', 'refunds', 'recordRefund'],
  ] as const) {
    endpoint(
      door,
      {
        ...common,
        method: 'post',
        path: `/v1/orders/{id}/${path}`,
        operationId,
        summary: `Record that an order, or some of its lines, was ${kind}`,
        scope: 'write',
        params: byId,
        body: updateDrafts[kind],
        answers: {
          200: { description: 'Recorded before, with the same content', schema: updateRecord },
          201: { description: 'Recorded', schema: updateRecord },
        },
        refuses: ['not_found', 'conflict'],
      },
      async ({ params, body }, c) => {
        const { update, created } = await recordUpdate(db, params.id, kind, body)
        return c.json(update, created ? 201 : 200)
      },
    )
  }
}

function reading(door: Door, db: Database): void {
  const page = z
    .strictObject({ orders: z.array(orderRecord), next_cursor: z.string().nullable() })
    .meta({ id: 'OrderPage' })
  endpoint(
    door,
    {
      ...common,
      method: 'get',
      path: '/v1/orders',
      operationId: 'listOrders',
      summary: 'List orders',
      scope: 'read',
      query: listQuery,
      answers: { 200: { description: 'A page, in the order of ids', schema: page } },
    },
    async ({ query }, c) => {
      const { orders, nextCursor } = await listOrders(db, query, query)
      return c.json({ orders, next_cursor: nextCursor })
    },
  )
  endpoint(
    door,
    {
      ...common,
      method: 'get',
      path: '/v1/orders/{id}',
      operationId: 'getOrder',
      summary: 'Read an order with its items and updates',
      scope: 'read',
      params: byId,
      answers: { 200: { description: 'As it is now', schema: orderRecord } },
      refuses: ['not_found'],
    },
    async ({ params }, c) => c.json(await getOrder(db, params.id)),
  )
}

function recording(door: Door, db: Database, currency: string): void {
  const writes = { ...common, scope: 'write', answers: recorded, refuses: ['conflict'] } as const
  const status = ({ created }: RecordedOrder) => (created ? 201 : 200)
  endpoint(
    door,
    {
      ...writes,
      method: 'post',
      path: '/v1/orders',
      operationId: 'recordOrder',
      summary: 'Record an order with its items and its customer; repeating it is harmless',
      body: orderDraft,
    },
    async ({ body }, c) => {
      const made = await recordOrder(db, body, { currency })
      return c.json(made.order, status(made))
    },
  )
  endpoint(
    door,
    {
      ...writes,
      method: 'put',
      path: '/v1/orders/{id}',
      operationId: 'saveOrder',
      summary: 'The same, with the id in the path',
      params: byId,
      body: orderDraft.partial({ id: true }).meta({ id: 'OrderReplacement' }),
    },
    async ({ params, body }, c) => {
      if (body.id !== undefined && body.id !== params.id) {
        throw new Refusal('invalid', 'The body names another id than the path.', [
          { field: 'id', detail: `must be "${params.id}" or be left out` },
        ])
      }
      const made = await recordOrder(db, { ...body, id: params.id }, { currency })
      return c.json(made.order, status(made))
    },
  )
}
