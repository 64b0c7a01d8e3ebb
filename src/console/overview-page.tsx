/** The first page: how the feeds are, what needs attention, and, on a new server, what to do first. */
import type { Hono } from 'hono'
import { type Change, changePage } from '../history/change-schemas.ts'
import { type Api, read } from './api.ts'
import { ChangesTable } from './change-parts.tsx'
import { Checklist, readSteps } from './checklist.tsx'
import { type ConsoleEnv, may } from './console-env.ts'
import { count } from './count.ts'
import { readDeliveryState } from './delivery-state.ts'
import { type FeedStatus, lastPollOf, readFeeds } from './feed-data.ts'
import { feedTitles, Size, StateTag } from './feed-parts.tsx'
import { page } from './layout.tsx'
import { Facts, PageTitle, Time } from './parts.tsx'
import { catalogPage } from './records.ts'

export function overviewPage(pages: Hono<ConsoleEnv>): void {
  pages.get('/', async (c) => {
    const api = c.get('api')
    const feeds = await readFeeds(api)
    const [steps, written, deliveries, latest] = await Promise.all([
      readSteps(api, feeds, may(c, 'admin')),
      Promise.all(feeds.map((feed) => writtenSince(api, feed))),
      readDeliveryState(api),
      read(api, '/v1/changes?limit=5', changePage),
    ])
    return page(
      c,
      { title: 'Overview' },
      <>
        <PageTitle title="Overview" />
        {steps.some(({ isDone }) => !isDone) && <Checklist steps={steps} />}
        <div class="cards overview">
          {feeds.map((feed, index) => (
            <FeedCard feed={feed} written={written[index] ?? 0} />
          ))}
          <Deliveries {...deliveries} />
        </div>
        {latest.changes.length > 0 && (
          <Latest changes={latest.changes} mayWrite={may(c, 'write')} />
        )}
        {steps.slice(0, 2).some(({ isDone }) => isDone) && <Attention />}
      </>,
    )
  })
}

function Deliveries({ pending, failed }: { pending: number; failed: number }) {
  const number = failed.toLocaleString('en')
  return (
    <section class="block" aria-labelledby="deliveries">
      <h2 id="deliveries">
        <a href="/console/deliveries">Deliveries</a>
      </h2>
      <Facts
        facts={[
          ['Waiting', pending.toLocaleString('en')],
          ['Failed', failed === 0 ? number : <strong class="bad">{number}</strong>],
        ]}
      />
    </section>
  )
}

function Latest({ changes, mayWrite }: { changes: Change[]; mayWrite: boolean }) {
  return (
    <section class="part" aria-labelledby="latest">
      <h2 id="latest">
        <a href="/console/changes">Latest changes</a>
      </h2>
      <ChangesTable changes={changes} label="Latest changes" mayWrite={mayWrite} />
    </section>
  )
}

/** Comes last: counting may take a second in a large catalog, and what it finds must move nothing. */
function Attention() {
  return (
    <section class="part" aria-labelledby="attention">
      <h2 id="attention">Needs attention</h2>
      <div hx-get="/console/attention/kinds" hx-trigger="load">
        <p class="soft">
          <a href="/console/attention">What Klaviyo would show wrong</a>
        </p>
      </div>
    </section>
  )
}

function FeedCard({ feed, written }: { feed: FeedStatus; written: number }) {
  const largest = Math.max(...feed.files.map(({ bytes }) => bytes))
  return (
    <section class="block" aria-labelledby={`feed-${feed.feed}`}>
      <div class="card-title">
        <h2 id={`feed-${feed.feed}`}>
          <a href={`/console/feeds#${feed.feed}`}>{feedTitles[feed.feed]}</a>
        </h2>
        <StateTag state={feed.state} />
      </div>
      <Facts
        facts={[
          ['Items', feed.items.toLocaleString('en')],
          ['Last poll', <Time at={lastPollOf(feed)?.at ?? null} />],
          ['Next poll', feed.next_poll_expected_at ? <NextPoll feed={feed} /> : 'not known yet'],
          ['Since that poll', changedText(feed, written)],
          ['Size', <Size bytes={largest} limit={feed.limit_bytes} label={feedTitles[feed.feed]} />],
        ]}
      />
    </section>
  )
}

export function NextPoll({ feed }: { feed: FeedStatus }) {
  if (feed.poll_overdue) return <strong class="bad">overdue</strong>
  return <Time at={feed.next_poll_expected_at} />
}

function changedText(status: FeedStatus, written: number): string {
  const { feed, changed_since_poll } = status
  const lastPoll = lastPollOf(status)
  if (!lastPoll) return 'no poll yet'
  if (changed_since_poll === null) return 'not known'
  if (!changed_since_poll) return 'nothing has changed'
  return written > 0
    ? `${count(written, feed.slice(0, -1))} written`
    : 'changed: availability, or removals'
}

/** How many records were written since the last poll. */
async function writtenSince(api: Api, feed: FeedStatus): Promise<number> {
  const poll = lastPollOf(feed)
  if (!poll || !feed.changed_since_poll) return 0
  const query = new URLSearchParams({ updated_since: poll.at, count: 'true', limit: '1' })
  return (await read(api, `/v1/${feed.feed}?${query}`, catalogPage)).count
}
