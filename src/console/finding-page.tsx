/** The items in which one kind of fault was found, with the faulty fields to be edited in place. */
import type { Context, Hono } from 'hono'
import { read } from './api.ts'
import { type ConsoleEnv, may } from './console-env.ts'
import { count } from './count.ts'
import { type FeedName, readFindings } from './feed-data.ts'
import { type Filters, withQuery } from './filters.tsx'
import { inLabels, kindOfFinding, otherwise } from './finding-fields.ts'
import { gridQuery } from './grid-query.ts'
import { productKind, storeKind } from './kinds.ts'
import { Empty, page } from './layout.tsx'
import { Grid } from './list-grid.tsx'
import { PageTitle, Paging } from './parts.tsx'
import { catalogPage } from './records.ts'
import { ListBars } from './selection-bar.tsx'

const kinds = { products: productKind, stores: storeKind } as const

export function findingPages(pages: Hono<ConsoleEnv>): void {
  for (const feed of ['products', 'stores'] as const)
    pages.get(`/attention/${feed}/:code`, (c) => show(c, feed, c.req.param('code')))
}

async function show(c: Context<ConsoleEnv>, feed: FeedName, code: string) {
  const api = c.get('api')
  const cursor = c.req.query('cursor')
  const [list, findings] = await Promise.all([
    read(api, `/v1/${feed}?${gridQuery(filtersOf(code), cursor)}`, catalogPage),
    readFindings(api),
  ])
  const records = list[feed] ?? []
  const finding = findings.find((one) => one.feed === feed && one.code === code)
  const counted = count(list.count, feed.slice(0, -1))
  const path = `/console/attention/${feed}/${code}`
  const next = list.next_cursor && withQuery(path, { cursor: list.next_cursor })
  const mayWrite = may(c, 'write')
  const kind = kinds[feed]
  return page(
    c,
    { title: 'Attention', script: 'list' },
    <section id="list" aria-label="What was found">
      <PageTitle
        title={finding ? `${counted} ${inLabels(finding.found)}` : 'Nothing of this kind is left'}
        back={['/console/attention', 'Needs attention']}
        hint={finding && `${inLabels(finding.advice)} ${otherwise[code] ?? ''}`}
      />
      {list.count === 0 && <AllFixed />}
      {records.length > 0 && (
        <div class="finding">
          <Grid
            kind={kindOfFinding(kind, code)}
            records={records}
            etags={list.etags}
            mayWrite={mayWrite}
            isSelectable={mayWrite}
          />
        </div>
      )}
      {list.count > 0 && (
        <Paging
          shown={`${records.length} of ${counted}`}
          next={next ?? undefined}
          first={cursor ? path : undefined}
        />
      )}
      <ListBars
        kind={kind}
        given={{ finding: code }}
        count={list.count}
        shown={records.length}
        list={path}
        mayWrite={mayWrite}
        address={cursor ? withQuery(path, { cursor }) : path}
      />
      <dialog id="bulk" aria-labelledby="bulk-title" />
    </section>,
  )
}

/** Those that share a title stand together. */
const filtersOf = (code: string): Filters =>
  code === 'title_used_twice' ? { finding: code, sort: 'title' } : { finding: code }

function AllFixed() {
  return (
    <Empty title="All fixed">
      <p>Nothing of this kind is found any more.</p>
      <a class="button" href="/console/attention">
        See what else needs attention
      </a>
    </Empty>
  )
}
