/** Who changed what: the list, and one change. */
import type { Context, Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { type Change, changeDetail, changePage } from '../history/change-schemas.ts'
import { read } from './api.ts'
import { ChangesTable, changePath, Differences, RecordName } from './change-parts.tsx'
import { changeApiPath, sentenceOf, wayOf, whoOf } from './changes.ts'
import { type ConsoleEnv, may } from './console-env.ts'
import { count } from './count.ts'
import {
  FilterInput,
  FilterSelect,
  type Filters,
  NothingMatches,
  readFilters,
  withQuery,
} from './filters.tsx'
import { Empty, page } from './layout.tsx'
import { Facts, PageTitle, Paging, Table, Time } from './parts.tsx'

type C = Context<ConsoleEnv>

const filterNames = ['kind', 'via', 'actor', 'product_id', 'store_id', 'day']
const listPath = '/console/changes'
const recordsShown = 50

const kinds = { product: 'Products', store: 'Stores', availability: 'Where it is sold' }
const ways = { console: 'In the console', rest: 'By REST', import: 'Imports' }

export function changesPages(pages: Hono<ConsoleEnv>): void {
  pages.get('/changes', list)
  pages.get('/changes/:id', detail)
}

const apiPath = (c: C) => changeApiPath(c.req.param('id') ?? '')

async function list(c: C) {
  const given = readFilters(filterNames, c.req.query())
  const cursor = c.req.query('cursor')
  const { day, ...filters } = given
  const query = new URLSearchParams({ ...filters, ...timesOf(day), ...(cursor && { cursor }) })
  const found = await read(c.get('api'), `/v1/changes?${query}`, changePage)
  const { changes, next_cursor } = found
  return page(
    c,
    { title: 'Changes' },
    <>
      <PageTitle
        title="Changes"
        hint="What was changed in the last 90 days, newest first. Orders are not listed."
      />
      <FilterForm given={given} />
      {changes.length > 0 ? (
        <ChangesTable changes={changes} label="Changes" mayWrite={may(c, 'write')} />
      ) : (
        <Nothing given={given} />
      )}
      {(changes.length > 0 || cursor) && (
        <Paging
          shown={count(changes.length, 'change')}
          first={cursor ? pathWith(given) : undefined}
          next={next_cursor === null ? undefined : pathWith({ ...given, cursor: next_cursor })}
        />
      )}
    </>,
  )
}

/** A day in UTC, as the times are shown. What is no day is left to the API to name. */
function timesOf(day: string | undefined): Filters {
  if (day === undefined) return {}
  const next = new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000)
  if (Number.isNaN(next.getTime())) return { since: day }
  return { since: `${day}T00:00:00Z`, until: next.toISOString() }
}

const pathWith = (filters: Filters) => withQuery(listPath, filters)

function FilterForm({ given }: { given: Filters }) {
  return (
    <search>
      <form class="filters" action={listPath}>
        <FilterSelect name="kind" all="Everything" given={given} options={kinds} />
        <FilterSelect name="via" all="Every way" given={given} options={ways} />
        <FilterInput
          name="actor"
          value={given.actor}
          placeholder="Who"
          label="Who: the name of a key"
        />
        <input type="date" name="day" value={given.day} aria-label="On this day (UTC)" />
        {['product_id', 'store_id'].map(
          (name) => given[name] && <input type="hidden" name={name} value={given[name]} />,
        )}
        <button type="submit">Show</button>
      </form>
    </search>
  )
}

function Nothing({ given }: { given: Filters }) {
  if (Object.keys(given).length > 0)
    return <NothingMatches title="No changes match" path={listPath} />
  return (
    <Empty title="Nothing was changed yet">
      <p>What you change here, by REST or by an import shows up with an undo.</p>
      <a class="button primary" href="/console/products">
        Go to products
      </a>
    </Empty>
  )
}

async function detail(c: C) {
  const cursor = c.req.query('cursor')
  const query = new URLSearchParams({ limit: String(recordsShown), ...(cursor && { cursor }) })
  const found = await read(c.get('api'), `${apiPath(c)}?${query}`, changeDetail)
  const canUndo = may(c, 'write') && found.complete && found.undone_by === null
  const title = sentenceOf(found)
  return page(
    c,
    { title },
    <>
      <PageTitle title={title} back={[listPath, 'Changes']}>
        {canUndo && (
          <a class="button primary" href={`${changePath(found)}/undo`}>
            Undo…
          </a>
        )}
      </PageTitle>
      {c.req.query('undone') !== undefined && (
        <p class="hidden" data-toast="Put back as it was before" />
      )}
      <div class="block">
        <Facts facts={factsOf(found)} />
      </div>
      {!found.complete && (
        <p class="block">
          This change is too large to be listed whole or undone: of more than 10,000 products or
          stores, or 50,000 places of sale, only their number is kept.
        </p>
      )}
      {found.records.length > 0 && (
        <Table
          label="Changed records"
          rows={found.records}
          columns={[
            { label: 'Record', cell: (record) => <RecordName {...record} /> },
            { label: 'Before and after', cell: (record) => <Differences record={record} /> },
          ]}
        />
      )}
      <Paging
        shown={count(found.records.length, 'record')}
        first={cursor ? changePath(found) : undefined}
        next={found.next_cursor === null ? undefined : `?cursor=${found.next_cursor}`}
      />
    </>,
  )
}

function factsOf(found: Change): [string, Child][] {
  const facts: [string, Child][] = [
    ['When', <Time at={found.at} />],
    ['Who', `${whoOf(found)}, ${wayOf(found)}`],
  ]
  if (found.undoes !== null)
    facts.push(['Undid', <a href={changePath({ id: found.undoes })}>an earlier change</a>])
  if (found.undone_by !== null)
    facts.push(['Undone by', <a href={changePath({ id: found.undone_by })}>a later change</a>])
  return facts
}
