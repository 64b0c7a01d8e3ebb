/** The list of orders. */
import type { Hono } from 'hono'
import { read } from './api.ts'
import type { ConsoleEnv } from './console-env.ts'
import { count } from './count.ts'
import { periodOf } from './delivery-filters.ts'
import { FilterInput, type Filters, NothingMatches, PeriodInputs, readFilters } from './filters.tsx'
import { Empty, page } from './layout.tsx'
import { pathOfOrder } from './messages.tsx'
import { OrderTable, orderPage, storeNames } from './orders.tsx'
import { PageTitle, Paging } from './parts.tsx'

const pageSize = 50

export function ordersPage(pages: Hono<ConsoleEnv>): void {
  pages.get('/orders', async (c) => {
    const id = c.req.query('id')?.trim()
    if (id) return c.redirect(pathOfOrder(id), 303)
    const api = c.get('api')
    const given = readFilters(['store_id', 'from', 'to'], c.req.query())
    const cursor = c.req.query('cursor')
    const [{ orders, next_cursor }, names] = await Promise.all([
      read(api, `/v1/orders?${apiQuery(given, cursor)}`, orderPage),
      storeNames(api),
    ])
    return page(
      c,
      { title: 'Orders' },
      <>
        <PageTitle title="Orders" hint="As tills, your shop and imports recorded them." />
        <FilterForm given={given} stores={names} />
        {orders.length > 0 ? (
          <OrderTable orders={orders} stores={names} />
        ) : (
          <NoOrders given={given} />
        )}
        {(orders.length > 0 || cursor) && (
          <Paging
            shown={count(orders.length, 'order')}
            first={cursor && ordersUrl(given)}
            next={next_cursor ? ordersUrl({ ...given, cursor: next_cursor }) : undefined}
          />
        )}
      </>,
    )
  })
}

function apiQuery({ store_id, from, to }: Filters, cursor: string | undefined): URLSearchParams {
  const { since, until } = periodOf(from, to)
  const given = { store_id, placed_since: since, placed_until: until, cursor }
  const query = new URLSearchParams({ limit: String(pageSize), sort: '-placed_at' })
  for (const [name, value] of Object.entries(given)) if (value) query.set(name, value)
  return query
}

const ordersUrl = (filters: Filters) => `/console/orders?${new URLSearchParams(filters)}`

function FilterForm({ given, stores }: { given: Filters; stores: Map<string, string> }) {
  return (
    <search>
      <form class="filters" action="/console/orders">
        <FilterInput name="id" value={undefined} placeholder="Order number" />
        <select name="store_id" aria-label="Store">
          <option value="">Every store</option>
          {given.store_id && !stores.has(given.store_id) && (
            <option value={given.store_id} selected>
              {given.store_id}
            </option>
          )}
          {[...stores].map(([id, title]) => (
            <option value={id} selected={given.store_id === id}>
              {title}
            </option>
          ))}
        </select>
        <PeriodInputs given={given} />
        <button type="submit">Show</button>
      </form>
    </search>
  )
}

function NoOrders({ given }: { given: Filters }) {
  if (Object.keys(given).length > 0)
    return <NothingMatches title="No orders match" path="/console/orders" />
  return (
    <Empty title="No orders yet">
      <p>Tills record them by REST or SQL; older ones are imported from a file.</p>
      <a class="button" href="/docs">
        How to record an order
      </a>
    </Empty>
  )
}
