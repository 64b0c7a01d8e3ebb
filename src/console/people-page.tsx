/** People: searched by a form, so that what identifies them stands in no address and in no title. */
import type { Context, Hono } from 'hono'
import {
  type Customer,
  customerRecord,
  customersFound,
  visitPage,
} from '../customers/customer-schemas.ts'
import { apiProblem, read, succeeded } from './api.ts'
import type { ConsoleEnv } from './console-env.ts'
import { readTexts } from './form-texts.ts'
import { Empty, page } from './layout.tsx'
import { listMessages, type Message } from './messages.tsx'
import { orderPage, storeNames } from './orders.tsx'
import { PageTitle, Table, Time } from './parts.tsx'
import { nameOf, PersonButton } from './people-parts.tsx'
import { PersonView } from './person-view.tsx'

type C = Context<ConsoleEnv>

export function peoplePages(pages: Hono<ConsoleEnv>): void {
  pages.get('/people', (c) => searchPage(c, { isErased: c.req.query('erased') !== undefined }))
  pages.post('/people', async (c) => {
    const { q = '' } = await readTexts(c)
    if (q === '') return searchPage(c, {})
    const answer = await c.get('api')('POST', '/v1/customers/search', { body: searchFor(q) })
    return searchPage(c, { q, people: customersFound.parse(succeeded(answer)).customers })
  })
  pages.post('/people/person', async (c) => {
    const { id = '', more } = await readTexts(c)
    return personPage(c, id, { limit: more ? most : few })
  })
  pages.post('/people/erase', async (c) => {
    const { id = '', typed } = await readTexts(c)
    if (typed !== id)
      return personPage(c, id, {
        problem: 'This is not the id: nothing was erased. Type it as it stands here.',
      })
    const answer = await c.get('api')('DELETE', `/v1/customers/${encodeURIComponent(id)}`)
    if (answer.status === 403 || answer.status === 409)
      return personPage(c, id, { problem: apiProblem.parse(answer.body).detail })
    succeeded(answer)
    return c.redirect('/console/people?erased', 303)
  })
}

/** It may be any of the three. */
function searchFor(q: string): Record<string, string> {
  const hasNumber = q.replaceAll(/[^0-9]/g, '').length >= 5 && q.length <= 64
  return {
    id: q.slice(0, 255),
    email: q.slice(0, 320),
    ...(hasNumber ? { phone_number: q } : {}),
  }
}

type Search = { q?: string; people?: Customer[]; isErased?: boolean }

function searchPage(c: C, { q, people, isErased }: Search) {
  return page(
    c,
    { title: 'People' },
    <>
      <PageTitle
        title="People"
        hint="Who bought or visited. Found by the whole e-mail, telephone or id."
      />
      {isErased && (
        <p class="block done" role="status">
          The person is erased. Their orders stay, without any name.
        </p>
      )}
      <search>
        <form class="filters" method="post" action="/console/people">
          <input
            id="q"
            type="search"
            name="q"
            value={q}
            required
            maxlength={320}
            autocomplete="off"
            spellcheck={false}
            placeholder="E-mail, telephone or id"
            aria-label="E-mail, telephone or id (Ctrl+K)"
          />
          <button class="primary" type="submit">
            Search
          </button>
        </form>
      </search>
      {people === undefined ? (
        <Empty title="Whom do you look for?">
          <p>People are not listed. What you type stands in no address and in no log.</p>
        </Empty>
      ) : (
        <Found people={people} />
      )}
    </>,
  )
}

function Found({ people }: { people: Customer[] }) {
  if (people.length === 0)
    return (
      <Empty title="Nobody found">
        <p>
          Upper and lower case do not matter, nor how a telephone is written. All of it must match.
        </p>
      </Empty>
    )
  return (
    <Table
      label="People"
      rows={people}
      columns={[
        {
          label: 'Name',
          cell: (one) => <PersonButton id={one.id} name={nameOf(one) || one.email || one.id} />,
        },
        { label: 'E-mail', cell: ({ email }) => email ?? <span class="soft">none</span> },
        {
          label: 'Telephone',
          cell: ({ phone_number }) => phone_number ?? <span class="soft">none</span>,
        },
        { label: 'Newest fact', cell: ({ known_at }) => <Time at={known_at} /> },
      ]}
    />
  )
}

const few = 20
const most = 200

type Shown = { problem?: string; limit?: number }

async function personPage(c: C, id: string, { problem, limit = few }: Shown) {
  const shown = String(limit)
  const api = c.get('api')
  const theirs = new URLSearchParams({ customer_id: id, limit: shown })
  const record = await read(api, `/v1/customers/${encodeURIComponent(id)}`, customerRecord)
  const [orders, visits, profile, stores] = await Promise.all([
    read(api, `/v1/orders?sort=-placed_at&${theirs}`, orderPage),
    read(api, `/v1/visits?${theirs}`, visitPage),
    listMessages(api, { customer_id: id, limit: shown }),
    storeNames(api),
  ])
  const ofOrders = await Promise.all(
    orders.orders.map((order) => listMessages(api, { order_id: order.id, limit: shown })),
  )
  const messages = newestFirst([profile, ...ofOrders].flatMap(({ events }) => events))
  const isCut =
    [orders, visits, profile].some(({ next_cursor }) => next_cursor !== null) ||
    messages.length > limit
  return page(
    c,
    // No name: it stays in the browser's history.
    { title: 'Person', status: problem ? 422 : 200 },
    <PersonView
      person={record}
      orders={orders.orders}
      visits={visits.visits}
      stores={stores}
      messages={messages.slice(0, limit)}
      more={isCut && limit < most ? most : undefined}
      scopes={c.get('principal').scopes}
      problem={problem}
    />,
  )
}

const newestFirst = (messages: Message[]) => [...messages].sort((one, other) => other.id - one.id)
