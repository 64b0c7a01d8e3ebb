import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { timestamp } from '../db/parameters.ts'
import { recordNotFound } from '../lib/errors.ts'
import {
  invalidCursor,
  type Page,
  readCursor,
  readTimeCursor,
  writeCursor,
  writeTimeCursor,
} from '../lib/pagination.ts'
import type { Order } from './order-schemas.ts'

export type OrderFilter = {
  customer_id?: string | undefined
  store_id?: string | undefined
  /** ISO 8601 with an offset. */
  placed_since?: string | undefined
  placed_until?: string | undefined
}

const columns = sql`
  o.id, o.customer_id, o.store_id, o.placed_at, o.currency, o.total, o.billing_address,
  o.shipping_address, o.discount_code, o.discount_value, o.metadata, o.warnings, o.erased_at, o.created_at, o.updated_at,
  (
    select coalesce(json_agg(row_to_json(i) order by i.line), '[]') from (
      select line, product_id, sku, product_name, quantity, item_price, row_total,
        returned_order_id, brand, categories, image_link
      from order_items where order_id = o.id
    ) i
  ) as items,
  (
    select coalesce(json_agg(row_to_json(u) order by u.occurred_at, u.id), '[]') from (
      select id, kind, occurred_at, reason, value, items, tracking_number, tracking_company, shipping_method, created_at
      from order_updates where order_id = o.id
    ) u
  ) as updates,
  (
    select coalesce(json_agg(row_to_json(a) order by a.number), '[]') from (
      select number, occurred_at, before->'total' as previous_total, after->'total' as total,
        jsonb_array_length(before->'items') as previous_items, jsonb_array_length(after->'items') as items
      from order_amendments where order_id = o.id and after is not null order by number desc limit 100
    ) a
  ) as amendments`

export async function getOrder(db: Queryable, id: string): Promise<Order> {
  const [row] = await db.execute<{ record: Order }>(
    sql`select row_to_json(r) as record from (select ${columns} from orders o where o.id = ${id}) r`,
  )
  return row?.record ?? recordNotFound('order', id)
}

export const orderSorts = ['id', '-placed_at'] as const
type OrderSort = (typeof orderSorts)[number]

type Sorting = {
  orderBy: SQL
  after: (cursor: string) => SQL
  cursorOf: (last: Order) => string
}

const sortings: Record<OrderSort, Sorting> = {
  // An id has no comma, so its cursor is never one of the other sort.
  id: {
    orderBy: sql`o.id`,
    after(cursor) {
      const id = readCursor(cursor)
      return id.includes(',') ? invalidCursor() : sql`o.id > ${id}`
    },
    cursorOf: ({ id }) => writeCursor(id),
  },
  '-placed_at': {
    orderBy: sql`o.placed_at desc, o.id desc`,
    after(cursor) {
      const { time, id } = readTimeCursor(cursor, '-placed_at')
      return sql`(o.placed_at, o.id) < (${timestamp(time)}, ${id})`
    },
    cursorOf: ({ placed_at, id }) => writeTimeCursor('-placed_at', placed_at, id),
  },
}

/** With the cursor of the next page, null on the last. */
export async function listOrders(
  db: Queryable,
  filter: OrderFilter,
  { limit, cursor, sort = 'id' }: Page & { sort?: OrderSort },
): Promise<{ orders: Order[]; nextCursor: string | null }> {
  const { orderBy, after, cursorOf } = sortings[sort]
  const conditions: SQL[] = [sql`true`]
  if (filter.customer_id !== undefined) conditions.push(sql`o.customer_id = ${filter.customer_id}`)
  if (filter.store_id !== undefined) conditions.push(sql`o.store_id = ${filter.store_id}`)
  if (filter.placed_since !== undefined)
    conditions.push(sql`o.placed_at >= ${filter.placed_since}::timestamptz`)
  if (filter.placed_until !== undefined)
    conditions.push(sql`o.placed_at < ${filter.placed_until}::timestamptz`)
  if (cursor !== undefined) conditions.push(after(cursor))
  const rows = await db.execute<{ record: Order }>(sql`
    select row_to_json(r) as record from (
      select ${columns} from orders o where ${sql.join(conditions, sql` and `)}
      order by ${orderBy} limit ${limit + 1}
    ) r`)
  const orders = rows.slice(0, limit).map(({ record }) => record)
  const last = rows.length > limit ? orders.at(-1) : undefined
  return { orders, nextCursor: last ? cursorOf(last) : null }
}
