/** A product or a store as Klaviyo sees it: loaded into the page of the record once that is there. */
import type { Hono } from 'hono'
import { feedItemView } from '../feeds/feed-schemas.ts'
import { read } from './api.ts'
import type { ConsoleEnv } from './console-env.ts'
import type { FeedItem } from './feed-data.ts'
import { fieldsOfFinding, inLabels } from './finding-fields.ts'
import type { Kind } from './kinds.ts'
import { page } from './layout.tsx'
import { PageTitle, Tag, Time } from './parts.tsx'
import { pathOf } from './records.ts'

export function previewPage(pages: Hono<ConsoleEnv>, kind: Kind): void {
  pages.get(`/${kind.plural}/:id/preview`, async (c) => {
    const id = c.req.param('id')
    const path = `/v1/feeds/${kind.plural}/items/${encodeURIComponent(id)}`
    const preview = (
      <Preview kind={kind} id={id} item={await read(c.get('api'), path, feedItemView)} />
    )
    if (c.req.header('HX-Request')) return c.html(preview)
    return page(
      c,
      { title: 'As Klaviyo sees it' },
      <>
        <PageTitle title="As Klaviyo sees it" back={[pathOf(kind, id), `The ${kind.name}`]} />
        <section class="block">
          <div class="preview">{preview}</div>
        </section>
      </>,
    )
  })
}

type PreviewProps = { kind: Kind; id: string; item: FeedItem }

function Preview({ kind, id, item }: PreviewProps) {
  return (
    <>
      <p>
        {item.in_feed ? <Tag tone="good">In the feed</Tag> : <Tag tone="warn">Not in the feed</Tag>}
      </p>
      {item.detail && <p>{item.detail}</p>}
      <Polls item={item} />
      {item.findings.length > 0 && (
        <ul>
          {item.findings.map(({ code, found, advice }) => (
            <li>
              {`It ${inLabels(found)}. ${inLabels(advice)} `}
              {fieldsOfFinding(kind, code).map(({ name, label }) => (
                <>
                  <a href={`${pathOf(kind, id)}#f-${name}`}>{label}</a>{' '}
                </>
              ))}
            </li>
          ))}
        </ul>
      )}
      {item.json !== null && <Source label="JSON" text={readable(item.json)} isOpen />}
      {item.xml !== null && <Source label="XML" text={item.xml.replaceAll('><', '>\n<')} />}
    </>
  )
}

function Polls({ item: { in_feed, last_poll, next_poll_expected_at } }: { item: FeedItem }) {
  if (!last_poll) return <p class="soft">Klaviyo has not polled this feed yet.</p>
  const { at, had_item } = last_poll
  return (
    <p class="soft">
      {'The last poll, '}
      <Time at={at} />
      {`, ${hadText(had_item, in_feed)} The next one is expected `}
      <Time at={next_poll_expected_at} />.
    </p>
  )
}

function hadText(hadItem: boolean | null, inFeed: boolean): string {
  if (hadItem) return 'had it as it is here.'
  if (hadItem === null) return 'may have had it otherwise: something changed since.'
  return inFeed ? 'was before it was added.' : 'did not have it.'
}

const readable = (json: string) => JSON.stringify(JSON.parse(json), null, 2)

/** A store may list a hundred thousand products. */
const shownCharacters = 20_000

function Source({ label, text, isOpen }: { label: string; text: string; isOpen?: boolean }) {
  const isCut = text.length > shownCharacters
  return (
    <details open={isOpen}>
      <summary>{label}</summary>
      <section class="source" tabindex={0} aria-label={`The item as ${label}`}>
        <pre>{isCut ? `${text.slice(0, shownCharacters)}…` : text}</pre>
      </section>
      {isCut && (
        <p class="soft">{`The first of ${text.length.toLocaleString('en')} characters.`}</p>
      )}
    </details>
  )
}
