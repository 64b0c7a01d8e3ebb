/** Reads what events are built from: orders with all that belongs to them, in one query. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../../db/connection.ts'
import { textArray } from '../../db/parameters.ts'
import type { CustomerWithStore, OrderRecord } from './records.ts'

const customerColumns = sql`
  id, email, phone_number, first_name, last_name, address1, address2, city, region, zip, country, metadata`

/** What events call StoreLocation. */
const location = sql`coalesce(text_or_null(s.location), text_or_null(s.city), s.title)`

/** The row total of a part of a line is proportional to its quantity. Postgres does all sums and shares. */
const parts = sql`
  select
    json_agg(json_build_object(
      'line', i.line, 'quantity', share.quantity, 'row_total', share.total,
      'rest_quantity', i.quantity - share.quantity, 'rest_total', i.row_total - share.total
    ) order by i.line) as parts
  from order_items i
  left join jsonb_to_recordset(u.items) as named(line int, quantity numeric) on named.line = i.line
  cross join lateral (
    select coalesce(named.quantity, 0) as quantity,
      round(i.row_total * coalesce(named.quantity, 0) / i.quantity, 4) as total
  ) as share
  where i.order_id = u.order_id and i.quantity > 0 and u.items is not null`

const updates = sql`
  select coalesce(json_agg(json_build_object(
    'kind', u.kind, 'id', u.id, 'occurred_at', u.occurred_at, 'reason', u.reason,
    'value', u.value, 'excess', u.excess, 'parts', p.parts,
    'tracking_number', u.tracking_number, 'tracking_company', u.tracking_company,
    'shipping_method', u.shipping_method
  ) order by u.occurred_at, u.id), '[]')
  from order_updates u cross join lateral (${parts}) as p
  where u.order_id = o.id`

const amendments = sql`
  select coalesce(json_agg(json_build_object(
    'number', number, 'occurred_at', occurred_at, 'previous_total', before->'total', 'total', after->'total',
    'difference', (after->>'total')::numeric - (before->>'total')::numeric,
    'discount_value', after->'discount_value', 'items', after->'items'
  ) order by number), '[]')
  from order_amendments where order_id = o.id`

const unknownProducts = sql`
  select coalesce(json_agg(distinct product_id), '[]') from order_items i
  where order_id = o.id and product_id is not null and not exists (select from products where id = i.product_id)`

/**
 * Orders that no longer exist are missing from the map. Updates and amendments are read only when asked for:
 * planning them takes longer than all the rest.
 */
export async function loadOrders(
  db: Queryable,
  ids: readonly string[],
  { withUpdates }: { withUpdates: boolean },
): Promise<Map<string, OrderRecord>> {
  const rows = await db.execute<{ record: OrderRecord }>(sql`
    select row_to_json(r) as record from (
      select o.id, o.placed_at, o.currency, o.total, o.discount_code, o.discount_value,
        o.billing_address, o.shipping_address, o.metadata, o.warnings,
        coalesce(o.placed_at = m.most_recent_store_at and o.store_id = m.most_recent_store_id, false) as newest,
        (select row_to_json(c) from (select ${customerColumns} from customers where id = o.customer_id) c) as customer,
        case when o.store_id is not null then
          json_build_object('id', o.store_id, 'location', ${location}, 'country_code', s.country_code)
        end as store,
        (select coalesce(json_agg(row_to_json(i) order by i.line), '[]') from order_items i where i.order_id = o.id) as items,
        (${unknownProducts}) as unknown_products,
        (select coalesce(max(number), 0) from order_amendments where order_id = o.id) as amendment,
        ${withUpdates ? sql`(${updates})` : sql`'[]'::json`} as updates,
        ${withUpdates ? sql`(${amendments})` : sql`'[]'::json`} as amendments
      from orders o
      left join customers m on m.id = o.customer_id
      left join stores s on s.id = o.store_id
      where o.id = any(${textArray(ids)})
    ) r`)
  return new Map(rows.map(({ record }) => [record.id, record]))
}

/** Customers with their most recent store. */
export async function loadCustomers(
  db: Queryable,
  ids: readonly string[],
): Promise<Map<string, CustomerWithStore>> {
  const rows = await db.execute<{ record: CustomerWithStore }>(sql`
    select row_to_json(r) as record from (
      select c.*, m.warnings,
        case when m.most_recent_store_id is not null then
          json_build_object('id', m.most_recent_store_id, 'location', ${location}, 'country_code', s.country_code)
        end as store
      from (select ${customerColumns} from customers where id = any(${textArray(ids)})) c
      join customers m on m.id = c.id
      left join stores s on s.id = m.most_recent_store_id
    ) r`)
  return new Map(rows.map(({ record }) => [record.id, record]))
}
