/** One order: its items, what happened since, and its messages. */
import type { Context, Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { customerRecord } from '../customers/customer-schemas.ts'
import { read } from './api.ts'
import type { ConsoleEnv } from './console-env.ts'
import { page } from './layout.tsx'
import { listMessages, MessageTable } from './messages.tsx'
import { money, type Order, order as orderSchema, storeNames, UpdateTag } from './orders.tsx'
import { Facts, PageTitle, Table, Time } from './parts.tsx'
import { nameOf, PersonButton } from './people-parts.tsx'
import { Picture } from './picture.tsx'

export function orderPages(pages: Hono<ConsoleEnv>): void {
  pages.get('/orders/:id', (c) => showOrder(c, c.req.param('id')))
}

async function showOrder(c: Context<ConsoleEnv>, id: string) {
  const api = c.get('api')
  const order = await read(api, `/v1/orders/${encodeURIComponent(id)}`, orderSchema)
  const { customer_id } = order
  const [{ events }, stores, customer] = await Promise.all([
    listMessages(api, { order_id: id, limit: '100' }),
    storeNames(api),
    customer_id === null
      ? null
      : read(api, `/v1/customers/${encodeURIComponent(customer_id)}`, customerRecord),
  ])
  return page(
    c,
    { title: `Order ${order.id}` },
    <>
      <PageTitle title={`Order ${order.id}`} back={['/console/orders', 'Orders']}>
        <span class="total">{money(order.total, order.currency)}</span>
      </PageTitle>
      <div class="columns">
        <div>
          <Items order={order} />
          <Updates order={order} />
          <section class="part">
            <h2>Messages to Klaviyo</h2>
            {events.length > 0 ? (
              <MessageTable label="Messages to Klaviyo" messages={events} isOfOneOrder />
            ) : (
              <p class="soft">None: it was erased, or recorded without messages.</p>
            )}
          </section>
        </div>
        <aside class="block">
          <h2>Order</h2>
          <Facts
            facts={factsOf(
              order,
              stores,
              customer && (
                <PersonButton id={customer.id} name={nameOf(customer) || customer.email || ''} />
              ),
            )}
          />
          {order.warnings.length > 0 && (
            <ul class="bullets">
              {order.warnings.map(({ detail }) => (
                <li>{detail}</li>
              ))}
            </ul>
          )}
        </aside>
      </div>
    </>,
  )
}

function factsOf(
  order: Order,
  stores: Map<string, string>,
  customer: Child | null,
): [string, Child][] {
  const { store_id, discount_code, discount_value, currency, erased_at } = order
  const none = <span class="soft">none</span>
  const discount = [discount_code, discount_value !== null && money(discount_value, currency)]
  return [
    ['Placed', <Time at={order.placed_at} />],
    [
      'Store',
      store_id === null ? (
        none
      ) : (
        <a href={`/console/stores/${encodeURIComponent(store_id)}`}>
          {stores.get(store_id) ?? store_id}
        </a>
      ),
    ],
    ['Person', customer ?? (erased_at === null ? none : <span class="soft">erased</span>)],
    ['Discount', discount.filter(Boolean).join(' · ') || none],
  ]
}

function Items({ order: { items, currency } }: { order: Order }) {
  return (
    <section class="part">
      <h2>Items</h2>
      <Table
        label="Items"
        rows={items}
        columns={[
          {
            label: 'Product',
            cell: (item) => (
              <span class="item">
                <Picture address={item.image_link} title={item.product_name ?? ''} />
                {item.product_id === null ? (
                  (item.product_name ?? 'Without a product')
                ) : (
                  <a href={`/console/products/${encodeURIComponent(item.product_id)}`}>
                    {item.product_name ?? item.product_id}
                  </a>
                )}
                {item.returned_order_id !== null && (
                  <span class="soft">{` returned from ${item.returned_order_id}`}</span>
                )}
              </span>
            ),
          },
          { label: 'SKU', cell: ({ sku }) => sku ?? <span class="soft">none</span> },
          { label: 'Quantity', cell: ({ quantity }) => quantity, end: true },
          { label: 'Price', cell: ({ item_price }) => money(item_price, currency), end: true },
          { label: 'Total', cell: ({ row_total }) => money(row_total, currency), end: true },
        ]}
      />
    </section>
  )
}

function Updates({ order: { updates, amendments, currency } }: { order: Order }) {
  if (updates.length + amendments.length === 0) return null
  return (
    <section class="part">
      <h2>What happened since</h2>
      {updates.length > 0 && (
        <Table
          label="Updates"
          rows={updates}
          columns={[
            { label: 'Update', cell: ({ kind }) => <UpdateTag kind={kind} /> },
            { label: 'When', cell: ({ occurred_at }) => <Time at={occurred_at} /> },
            {
              label: 'Lines',
              cell: ({ items }) =>
                items === null
                  ? 'All'
                  : items.map(({ line, quantity }) => `${quantity} of line ${line}`).join(', '),
            },
            {
              label: 'Details',
              cell: ({ reason, shipping_method, tracking_company, tracking_number }) =>
                [reason, shipping_method, tracking_company, tracking_number]
                  .filter(Boolean)
                  .join(' · '),
            },
            { label: 'Value', cell: ({ value }) => money(value, currency), end: true },
          ]}
        />
      )}
      {amendments.length > 0 && (
        <ul class="bullets">
          {amendments.map(({ occurred_at, previous_total, total }) => (
            <li>
              {`Changed from ${money(previous_total, currency)} to ${money(total, currency)} `}
              <Time at={occurred_at} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
