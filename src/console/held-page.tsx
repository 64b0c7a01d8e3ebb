/** A held feed: what it would lose, and its release by typing how many items are left. */
import type { Hono } from 'hono'
import type { ConsoleEnv } from './console-env.ts'
import { count } from './count.ts'
import { type FeedName, type FeedStatus, type HeldItems, readHeld } from './feed-data.ts'
import { Empty, page } from './layout.tsx'
import { PageTitle, Paging, Table, Tag, Time } from './parts.tsx'

const pageSize = 100
const feedNames = ['products', 'stores'] as const

export function heldPage(pages: Hono<ConsoleEnv>): void {
  for (const feed of feedNames)
    pages.get(`/feeds/${feed}/held`, async (c) => {
      const held = await readHeld(c.get('api'), feed, pageSize, c.req.query('cursor'))
      const path = `/console/feeds/${feed}/held`
      const next =
        held.next_cursor && `${path}?${new URLSearchParams({ cursor: held.next_cursor })}`
      const { items } = held
      return page(
        c,
        { title: `What the ${feed} feed would lose` },
        <>
          <PageTitle
            title={`What the ${feed} feed would lose`}
            back={[`/console/feeds#${feed}`, 'Feeds']}
          />
          {items.length > 0 ? (
            <>
              <HeldTable feed={feed} items={items} />
              <Paging
                shown={`${items.length} on this page`}
                next={next ?? undefined}
                first={c.req.query('cursor') ? path : undefined}
              />
            </>
          ) : (
            <Empty title="It would lose nothing">
              <p>The feed is not held, or its items are back.</p>
              <a class="button" href="/console/feeds">
                Go to feeds
              </a>
            </Empty>
          )}
        </>,
      )
    })
}

function HeldTable({ feed, items }: { feed: FeedName; items: HeldItems['items'] }) {
  return (
    <Table
      label={`Items that the ${feed} feed would lose`}
      rows={items}
      columns={[
        {
          label: 'Item',
          cell: ({ id, title, reason }) =>
            reason === 'removed' ? (
              title
            ) : (
              <a href={`/console/${feed}/${encodeURIComponent(id)}`}>{title}</a>
            ),
        },
        { label: 'Id', cell: ({ id }) => <code>{id}</code> },
        {
          label: 'Why',
          cell: ({ reason }) => (
            <Tag tone="soft">{reason === 'removed' ? 'removed' : 'hidden'}</Tag>
          ),
        },
      ]}
    />
  )
}

export type HeldProps = {
  feed: FeedStatus
  held: HeldItems
  isAdmin: boolean
  error?: string | undefined
}

export function HeldBlock({ feed: { feed, held_since }, held, isAdmin, error }: HeldProps) {
  const { items, items_now, items_then, next_cursor } = held
  return (
    <div class="held">
      <p>
        <strong>
          {`It would fall from ${count(items_now, 'item')} to ${items_then.toLocaleString('en')}.`}
        </strong>{' '}
        That may be a mistake, so Klaviyo gets the feed as it was <Time at={held_since} />. If it is
        one, restore the items, and the hold ends by itself.
      </p>
      <HeldTable feed={feed} items={items} />
      {next_cursor && (
        <p>
          <a href={`/console/feeds/${feed}/held`}>See all that would go</a>
        </p>
      )}
      {isAdmin ? (
        <form class="release" method="post" action={`/console/feeds/${feed}/release`}>
          <input type="hidden" name="items" value={items_then} />
          <label for={`typed-${feed}`}>
            {`Is it right? Type ${items_then}, the number of items that are left.`}
          </label>
          <input
            id={`typed-${feed}`}
            name="typed"
            inputmode="numeric"
            autocomplete="off"
            required
            aria-invalid={error ? 'true' : undefined}
            aria-describedby={error ? `error-${feed}` : undefined}
          />
          <button class="danger" type="submit">
            Release
          </button>
          {error && (
            <p class="error" id={`error-${feed}`} role="alert">
              {error}
            </p>
          )}
        </form>
      ) : (
        <p class="soft">Only a key with the scope "admin" can release it.</p>
      )}
    </div>
  )
}
