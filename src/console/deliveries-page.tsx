/** What is sent to Klaviyo: how it goes, why messages failed, and the messages. */
import type { Context, Hono } from 'hono'
import { type ConsoleEnv, may } from './console-env.ts'
import { apiFilters, deliveriesUrl, readDeliveryFilters } from './delivery-filters.ts'
import { Actions, Overview } from './delivery-overview.tsx'
import { readCauses, readDeliveryState } from './delivery-state.ts'
import {
  FilterInput,
  FilterSelect,
  type Filters,
  LiveFilterForm,
  NothingMatches,
  PeriodInputs,
} from './filters.tsx'
import { Empty, page } from './layout.tsx'
import { listMessages, MessageTable, metricNames, statusNames } from './messages.tsx'
import { PageTitle, Paging } from './parts.tsx'

const pageSize = 50
/** A page that nobody looks at must not ask for ever, nor keep its session alive. */
const maxRefreshes = 180

export function deliveriesPage(pages: Hono<ConsoleEnv>): void {
  pages.get('/deliveries', async (c) => {
    const api = c.get('api')
    const given = readDeliveryFilters(c.req.query())
    const cursor = c.req.query('cursor')
    const query = { ...apiFilters(given), limit: String(pageSize), ...(cursor ? { cursor } : {}) }
    const [state, causes, messages] = await Promise.all([
      readDeliveryState(api),
      readCauses(api),
      listMessages(api, query),
    ])
    const mayWrite = may(c, 'write')
    return page(
      c,
      { title: 'Deliveries' },
      <>
        <PageTitle title="Deliveries" hint="What storefeed sends to Klaviyo." />
        <Done c={c} />
        <Overview state={state} causes={causes} mayWrite={mayWrite} given={given} />
        <FilterForm given={given} />
        <section id="list" aria-label="Messages" {...refreshing(c, given)}>
          <List {...messages} given={given} cursor={cursor} mayWrite={mayWrite} />
        </section>
      </>,
    )
  })

  /** For the number beside the section's name. */
  pages.get('/deliveries/failed', async (c) => {
    const { failed } = await readDeliveryState(c.get('api'))
    if (failed === 0) return c.html('')
    return c.html(
      <>
        {failed > 99 ? '99+' : failed}
        <span class="hidden">{` ${failed === 1 ? 'message' : 'messages'} failed`}</span>
      </>,
    )
  })
}

type ListProps = Awaited<ReturnType<typeof listMessages>> & {
  given: Filters
  cursor: string | undefined
  mayWrite: boolean
}

function List({ events, next_cursor, given, cursor, mayWrite }: ListProps) {
  if (events.length === 0 && !cursor) return <NoMessages given={given} />
  return (
    <>
      {mayWrite && given.status && given.status !== 'sent' && <Actions given={given} />}
      <MessageTable label="Messages" messages={events} />
      <Paging
        shown={events.length === 1 ? '1 message' : `${events.length} messages`}
        first={cursor && deliveriesUrl(given)}
        next={next_cursor ? deliveriesUrl({ ...given, cursor: next_cursor }) : undefined}
      />
    </>
  )
}

/** The first page only: others would move under the reader. */
function refreshing(c: Context<ConsoleEnv>, given: Filters) {
  const refreshes = Number(c.req.query('refresh') ?? 0)
  if (c.req.query('cursor') || !(refreshes < maxRefreshes)) return {}
  return {
    'hx-get': deliveriesUrl({ ...given, refresh: String(refreshes + 1) }),
    'hx-trigger': 'every 10s',
    'hx-select': '#list',
    'hx-select-oob': '#overview',
    'hx-swap': 'outerHTML',
    'data-refresh': true,
  }
}

function Done({ c }: { c: Context<ConsoleEnv> }) {
  const { retried, discarded } = c.req.query()
  const [count, what] = retried ? [retried, 'will be sent again'] : [discarded, 'discarded']
  if (!count || !/^\d+$/.test(count)) return null
  return (
    <p class="block done" role="status">
      {`${count === '1' ? '1 message' : `${count} messages`} ${what}.`}
    </p>
  )
}

function FilterForm({ given }: { given: Filters }) {
  return (
    <LiveFilterForm path="/console/deliveries" trigger="submit, change">
      <FilterSelect
        name="status"
        label="State"
        all="Every state"
        given={given}
        options={statusNames}
      />
      <FilterSelect
        name="metric"
        label="Event"
        all="Every event"
        given={given}
        options={metricNames}
      />
      <FilterInput name="order_id" value={given.order_id} placeholder="Order" />
      <PeriodInputs given={given} />
      {given.cause && <input type="hidden" name="cause" value={given.cause} />}
    </LiveFilterForm>
  )
}

function NoMessages({ given }: { given: Filters }) {
  if (Object.keys(given).length === 1 && given.status === 'failed')
    return (
      <Empty title="Nothing failed">
        <p>Klaviyo took all that was sent.</p>
        <a class="button" href="/console/deliveries">
          Show all messages
        </a>
      </Empty>
    )
  if (Object.keys(given).length > 0)
    return <NothingMatches title="No messages match" path="/console/deliveries" />
  return (
    <Empty title="No messages yet">
      <p>As soon as an order, a visit or a customer is recorded, its message shows here.</p>
      <a class="button" href="/docs">
        How to record an order
      </a>
    </Empty>
  )
}
