/** The key with which Klaviyo polls: shown in the answer to the form that makes it, and nowhere else. */
import type { FeedStatus } from './feed-data.ts'
import { feedTitles } from './feed-parts.tsx'

type KeyProps = { feeds: FeedStatus[]; isAdmin: boolean; made: string | undefined }

export function KeyBlock({ feeds, isAdmin, made }: KeyProps) {
  return (
    <section class="block" id="klaviyo-key" aria-labelledby="key-title">
      <h2 id="key-title">A key for Klaviyo</h2>
      {made ? <Made feeds={feeds} made={made} /> : <Explained isAdmin={isAdmin} />}
    </section>
  )
}

function Explained({ isAdmin }: { isAdmin: boolean }) {
  return (
    <>
      <p>
        In Klaviyo, add each feed as a custom catalog source, by its address with a key. The key
        opens the feeds and nothing else.
      </p>
      {isAdmin ? (
        <form
          method="post"
          action="/console/feeds/key"
          hx-post="/console/feeds/key"
          hx-target="#klaviyo-key"
          hx-select="#klaviyo-key"
          hx-swap="outerHTML"
        >
          <button class="primary" type="submit">
            Make a key for Klaviyo
          </button>
        </form>
      ) : (
        <p class="soft">Only a key with the scope "admin" can make one.</p>
      )}
    </>
  )
}

function Made({ feeds, made }: { feeds: FeedStatus[]; made: string }) {
  return (
    <div role="status">
      <p>
        <strong>Copy these addresses now: the key is shown this once.</strong> Klaviyo asks for them
        as the URL of each source.
      </p>
      {feeds.map(({ feed, files }) => (
        <div class="field">
          <label for={`url-${feed}`}>{feedTitles[feed]}</label>
          <input
            id={`url-${feed}`}
            readonly
            autocomplete="off"
            value={`${files[0]?.url}?${new URLSearchParams({ key: made })}`}
          />
        </div>
      ))}
    </div>
  )
}
