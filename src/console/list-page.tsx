/** The list of products or of stores: a grid whose cells are saved one by one. */
import type { Context, Hono } from 'hono'
import { read } from './api.ts'
import { ColumnsMenu, readColumns, withColumns } from './columns.tsx'
import { type ConsoleEnv, may } from './console-env.ts'
import { count } from './count.ts'
import {
  FilterInput,
  type Filters,
  LiveFilterForm,
  NothingMatches,
  readFilters,
  SearchInput,
  withQuery,
} from './filters.tsx'
import { gridQuery } from './grid-query.ts'
import type { Chip, Kind } from './kinds.ts'
import { Empty, page } from './layout.tsx'
import { Grid, type GridProps } from './list-grid.tsx'
import { PageTitle, Paging, ReadOnlyHint } from './parts.tsx'
import { catalogPage } from './records.ts'
import { ListBars } from './selection-bar.tsx'

export function listPage(pages: Hono<ConsoleEnv>, kind: Kind): void {
  pages.get(`/${kind.plural}`, async (c) => {
    const given = {
      ...readFilters([...kind.filters, 'sort', 'changed'], c.req.query()),
      ...readColumns(kind, c.req.queries('columns')),
    }
    const asked = await read(
      c.get('api'),
      `/v1/${kind.plural}?${gridQuery(given, c.req.query('cursor'))}`,
      catalogPage,
    )
    const records = asked[kind.plural] ?? []
    const list = {
      kind,
      given,
      records,
      ...asked,
      mayWrite: may(c, 'write'),
    }
    return page(c, { title: kind.label, script: 'list' }, <ListPage c={c} list={list} />)
  })
}

type List = GridProps & { given: Filters; count: number; next_cursor: string | null }

function ListPage({ c, list }: { c: Context<ConsoleEnv>; list: List }) {
  const { kind, given, mayWrite } = list
  const cursor = c.req.query('cursor')
  const isEmpty = list.count === 0 && !isFiltered(given)
  return (
    <>
      <PageTitle title={kind.label} hint={mayWrite ? undefined : <ReadOnlyHint />}>
        {mayWrite && (
          <a class="button primary" href={`/console/new/${kind.plural}`}>{`New ${kind.name}`}</a>
        )}
      </PageTitle>
      {c.req.query('removed') && (
        <p
          class="hidden"
          data-toast={`The ${kind.name} was removed`}
          data-undo={c.req.query('removed')}
        />
      )}
      {!isEmpty && <FilterForm kind={kind} given={given} />}
      <section id="list" aria-label={kind.label}>
        {!isEmpty && (
          <div class="list-tools">
            <nav class="chips" aria-label="Quick filters">
              {kind.chips.map((chip) => (
                <ChipLink kind={kind} given={given} chip={chip} />
              ))}
              <span class="soft">{count(list.count, kind.name)}</span>
            </nav>
            <ColumnsMenu kind={kind} path={urlOf(kind, {})} given={given} />
          </div>
        )}
        {list.records.length > 0 ? (
          <Grid {...list} kind={withColumns(kind, given)} isSelectable={mayWrite} />
        ) : (
          <NoRecords list={list} />
        )}
        <ListPaging list={list} isFirst={!cursor} />
        <ListBars
          {...list}
          shown={list.records.length}
          list={listOf(kind, given)}
          address={urlOf(kind, cursor ? { ...given, cursor } : given)}
        />
      </section>
      <dialog id="bulk" aria-labelledby="bulk-title" />
    </>
  )
}

/** What a selection is of, on whichever page and in whatever order it is shown. */
const listOf = (kind: Kind, { sort: _, columns: __, ...filters }: Filters) => urlOf(kind, filters)

const urlOf = ({ plural }: Kind, filters: Filters) => withQuery(`/console/${plural}`, filters)

const isFiltered = ({ sort: _, columns: __, ...filters }: Filters) =>
  Object.keys(filters).length > 0

function FilterForm({ kind, given }: { kind: Kind; given: Filters }) {
  const path = urlOf(kind, {})
  const shown = ['q', 'category', 'sort']
  return (
    <LiveFilterForm
      path={path}
      submit="Search"
      trigger="submit, change, input changed delay:300ms from:#q"
    >
      <SearchInput
        value={given.q}
        placeholder={`Search ${kind.plural}`}
        label={`Search ${kind.plural} (Ctrl+K)`}
      />
      <FilterInput
        name="category"
        value={given.category}
        placeholder="Category"
        suggest={`${kind.plural}.categories`}
      />
      {kind.filters
        .filter((name) => !shown.includes(name) && given[name])
        .map((name) => (
          <input type="hidden" name={name} value={given[name]} />
        ))}
      {['changed', 'columns'].map(
        (name) => given[name] && <input type="hidden" name={name} value={given[name]} />,
      )}
      <select name="sort" aria-label="Order">
        {kind.sorts.map(([value, label]) => (
          <option value={value} selected={given.sort === value}>
            {label}
          </option>
        ))}
      </select>
    </LiveFilterForm>
  )
}

function ChipLink({ kind, given, chip }: { kind: Kind; given: Filters; chip: Chip }) {
  const names = Object.entries(chip.query)
  const isOn = names.every(([name, value]) => given[name] === value)
  const rest = Object.fromEntries(Object.entries(given).filter(([name]) => !(name in chip.query)))
  return (
    <a
      class="chip"
      href={urlOf(kind, isOn ? rest : { ...rest, ...chip.query })}
      aria-current={isOn ? 'true' : undefined}
    >
      {chip.label}
      {isOn && <span aria-hidden="true"> ×</span>}
    </a>
  )
}

function NoRecords({ list: { kind, given, mayWrite } }: { list: List }) {
  if (isFiltered(given))
    return <NothingMatches title={`No ${kind.plural} match`} path={urlOf(kind, {})} />
  return (
    <Empty title={`No ${kind.plural} yet`}>
      <p>{kind.emptyHint}</p>
      {mayWrite && (
        <p class="actions">
          <a class="button primary" href="/console/import">
            Import a file
          </a>
          <a class="button" href={`/console/new/${kind.plural}`}>{`New ${kind.name}`}</a>
        </p>
      )}
    </Empty>
  )
}

function ListPaging({ list, isFirst }: { list: List; isFirst: boolean }) {
  const { kind, given, records, next_cursor } = list
  if (records.length === 0 && isFirst) return null
  return (
    <Paging
      shown={`${records.length} of ${count(list.count, kind.name)}`}
      first={isFirst ? undefined : urlOf(kind, given)}
      next={next_cursor === null ? undefined : urlOf(kind, { ...given, cursor: next_cursor })}
    />
  )
}
