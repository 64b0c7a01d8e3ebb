/** The feeds: what Klaviyo gets, what is held back, and the key for it. */
import type { Context, Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { z } from 'zod'
import { createdKey } from '../auth/api-keys.ts'
import { apiProblem, succeeded } from './api.ts'
import { type ConsoleEnv, may } from './console-env.ts'
import { count } from './count.ts'
import { type FeedName, type FeedStatus, lastPollOf, readFeeds, readHeld } from './feed-data.ts'
import { feedTitles, StateTag } from './feed-parts.tsx'
import { FileTable, PollTable } from './feed-tables.tsx'
import { HeldBlock, type HeldProps, heldPage } from './held-page.tsx'
import { KeyBlock } from './klaviyo-key.tsx'
import { page } from './layout.tsx'
import { NextPoll } from './overview-page.tsx'
import { Facts, PageTitle, Time } from './parts.tsx'

type C = Context<ConsoleEnv>
const heldShown = 10

export function feedsPage(pages: Hono<ConsoleEnv>): void {
  pages.get('/feeds', (c) => show(c))
  pages.post('/feeds/key', async (c) => {
    const body = { name: 'Klaviyo', scopes: ['feeds'] }
    const made = createdKey.parse(succeeded(await c.get('api')('POST', '/v1/keys', { body })))
    return show(c, { key: made.key })
  })
  heldPage(pages)
  pages.post('/feeds/:feed{products|stores}/release', async (c) => {
    const feed = feedName.parse(c.req.param('feed'))
    const { typed = '', items = '' } = texts.parse(await c.req.parseBody())
    if (typed.replace(/[\s,.']/g, '') !== items)
      return show(c, { refused: { feed, words: `Type ${items} to release the feed.` } })
    const answer = await c.get('api')(
      'POST',
      `/v1/feeds/${feed}/release?${new URLSearchParams({ items })}`,
    )
    if (answer.status === 409 || answer.status === 422)
      return show(c, { refused: { feed, words: apiProblem.parse(answer.body).detail } })
    succeeded(answer)
    return c.redirect(`/console/feeds?released=${feed}`, 303)
  })
}

const feedName = z.enum(['products', 'stores'])
const texts = z.record(z.string(), z.string()).catch({})

type View = { key?: string; refused?: { feed: FeedName; words: string } }

async function show(c: C, { key, refused }: View = {}) {
  const api = c.get('api')
  const feeds = await readFeeds(api)
  const isAdmin = may(c, 'admin')
  const held = await Promise.all(
    feeds.map(({ feed, state }) => (state === 'held' ? readHeld(api, feed, heldShown) : null)),
  )
  const released = feedName.safeParse(c.req.query('released'))
  return page(
    c,
    { title: 'Feeds', status: refused ? 422 : 200 },
    <>
      <PageTitle title="Feeds">
        <a class="button" href="/console/attention">
          What needs attention
        </a>
      </PageTitle>
      {released.success && (
        <p class="block" role="status">
          {`The ${released.data} feed is released: the next poll gets it as it is now.`}
        </p>
      )}
      {feeds.map((feed, index) => (
        <FeedSection
          feed={feed}
          held={held[index] ?? null}
          isAdmin={isAdmin}
          error={refused?.feed === feed.feed ? refused.words : undefined}
        />
      ))}
      <KeyBlock feeds={feeds} isAdmin={isAdmin} made={key} />
    </>,
  )
}

type SectionProps = Omit<HeldProps, 'held'> & { held: HeldProps['held'] | null }

function FeedSection({ feed, held, isAdmin, error }: SectionProps) {
  return (
    <section class="block feed" id={feed.feed} aria-labelledby={`title-${feed.feed}`}>
      <div class="card-title">
        <h2 id={`title-${feed.feed}`}>{feedTitles[feed.feed]}</h2>
        <StateTag state={feed.state} />
      </div>
      {held && <HeldBlock feed={feed} held={held} isAdmin={isAdmin} error={error} />}
      {feed.poll_overdue && (
        <p class="error">
          No poll in the last 7 hours. Klaviyo polls every six hours: look whether its source still
          has this address and a valid key.
        </p>
      )}
      <Facts facts={factsOf(feed)} />
      <FileTable feed={feed} />
      <PollTable feed={feed} />
    </section>
  )
}

const factsOf = (feed: FeedStatus): [string, Child][] => [
  ['Items', feed.items.toLocaleString('en')],
  ['Last changed', <Time at={feed.built_at} />],
  [
    'Changes on the way',
    feed.pending_changes === 0 ? 'none' : count(feed.pending_changes, 'change'),
  ],
  ['Last poll', <Time at={lastPollOf(feed)?.at ?? null} />],
  [
    'Next poll',
    feed.next_poll_expected_at ? <NextPoll feed={feed} /> : 'six hours after the first',
  ],
  ['Klaviyo has', hasText(feed.changed_since_poll)],
]

function hasText(changed: boolean | null): string {
  if (changed === null) return 'not known before the next poll'
  return changed ? 'an earlier state: the next poll gets the changes' : 'everything as it is now'
}
