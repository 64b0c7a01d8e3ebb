/** What Klaviyo would show wrong, by kind; each opens as a list in which it is fixed. */
import type { Hono } from 'hono'
import type { ConsoleEnv } from './console-env.ts'
import { count } from './count.ts'
import type { Finding } from './feed-data.ts'
import { inLabels } from './finding-fields.ts'
import { findingPages } from './finding-page.tsx'
import { Empty, page } from './layout.tsx'
import { PageTitle, Table, Tag } from './parts.tsx'
import { createToDo } from './to-do.ts'

export function attentionPages(pages: Hono<ConsoleEnv>): void {
  const toDo = createToDo()
  pages.get('/feeds/to-do', async (c) => {
    // What fails here is told by the page itself.
    const number = await toDo.read(c.get('api')).catch(() => 0)
    return c.html(number === 0 ? '' : String(number))
  })
  pages.get('/attention', async (c) => {
    const { findings, warnings } = await toDo.readNow(c.get('api'))
    return page(
      c,
      { title: 'Attention' },
      <>
        <PageTitle
          title="Needs attention"
          hint="What Klaviyo takes without a word, and shows wrong."
        />
        {warnings > 0 && (
          <p class="block alert">
            {`Klaviyo may not get what you see: ${count(warnings, 'feed has a warning', 'feeds have warnings')}. `}
            <a href="/console/feeds">Open Feeds</a>
          </p>
        )}
        <Findings findings={findings} />
      </>,
    )
  })
  pages.get('/attention/kinds', async (c) => {
    const { findings } = await toDo.readNow(c.get('api'))
    return c.html(<Findings findings={findings} />)
  })
  findingPages(pages)
}

function Findings({ findings }: { findings: Finding[] }) {
  if (findings.length === 0)
    return (
      <Empty title="All is well">
        <p>Nothing was found in what is published.</p>
        <a class="button" href="/console/products">
          Go to products
        </a>
      </Empty>
    )
  return (
    <Table
      label="What needs attention, by kind"
      rows={findings}
      columns={[
        {
          label: 'Found',
          cell: ({ feed, code, count: number, found }) => (
            <a href={`/console/attention/${feed}/${code}`}>
              {`${count(number, feed.slice(0, -1))} ${inLabels(found)}`}
            </a>
          ),
        },
        {
          label: 'How bad',
          cell: ({ severity }) =>
            severity === 'error' ? <Tag tone="bad">Error</Tag> : <Tag tone="warn">Warning</Tag>,
        },
        { label: 'What to do', cell: ({ advice }) => inLabels(advice) },
      ]}
    />
  )
}
