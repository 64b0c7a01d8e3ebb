/** One item as the feed has it now, or why the feed does not have it. */
import { sql } from 'drizzle-orm'
import { reportItems } from '../catalog/catalog-report.ts'
import type { Finding } from '../catalog/finding-schemas.ts'
import type { LintSettings } from '../catalog/lint-rules.ts'
import { type Database, type Queryable, snapshot } from '../db/connection.ts'
import {
  ALL_BUCKETS,
  type FeedFormat,
  type FeedName,
  feedChanges,
  feedFormats,
  feedState,
} from '../db/schema/feeds.ts'
import { recordNotFound } from '../lib/errors.ts'
import type { Reason } from './feed-schemas.ts'
import { text } from './item.ts'
import { type LastPoll, nextPollAt, readLastPoll } from './last-poll.ts'
import { feedResources } from './report-summary.ts'
import { slotOfHash } from './slots.ts'
import { completeItem, idOf, readStoredSlots } from './stored-items.ts'

/** Why an item is not in the feed, or not as its record is now. */

export type FeedItem = {
  feed: FeedName
  id: string
  in_feed: boolean
  reason: Reason | null
  detail: string | null
  json: string | null
  xml: string | null
  version: number
  findings: Finding[]
  last_poll: { at: string; had_item: boolean | null } | null
  next_poll_expected_at: string | null
}

/** Throws when there is neither a record nor an item with the id. */
export function readFeedItem(
  db: Database,
  feed: FeedName,
  id: string,
  lint: LintSettings,
): Promise<FeedItem> {
  const resource = feedResources[feed]
  return snapshot(db, async (tx) => {
    const place = await readPlace(tx, feed, id)
    const stored = await readStored(tx, feed, id, place)
    if (place.record === null && !stored.json) recordNotFound(resource.name, id)
    const reason = reasonOf(place, stored.json !== null)
    const { items } = await reportItems(tx, resource, { limit: 1, id }, lint)
    const poll = await readLastPoll(tx, feed)
    return {
      feed,
      id,
      in_feed: stored.json !== null,
      reason,
      detail: reason && words[reason](resource.name, stored.json !== null),
      json: stored.json,
      xml: stored.xml,
      version: place.version,
      findings: items[0]?.diagnostics ?? [],
      last_poll: poll && { at: poll.at, had_item: hadItem(poll, place, stored) },
      next_poll_expected_at: nextPollAt(poll),
    }
  })
}

type Place = {
  hash: number
  /** 0 when the feed was never built. */
  version: number
  slots: number
  held: boolean
  /** Whether a change that is not in the feed may be of this item. */
  pending: boolean
  record: { published: boolean; created_at: string } | null
}

async function readPlace(tx: Queryable, feed: FeedName, id: string): Promise<Place> {
  const [row] = await tx.execute<Place>(sql`
    select h.hash, coalesce(s.version, 0)::float8 as version, coalesce(s.slots, 1) as slots,
      s.held_since is not null as held,
      exists (select from ${feedChanges} c where c.feed = ${feed}
        and (c.hash in (h.hash, ${ALL_BUCKETS}) or c.item = ${id} or (c.linked_to is not null and c.item is null))) as pending,
      (select row_to_json(r) from (
        select published, created_at from ${sql.identifier(feed)} where id = ${id}) r) as record
    from (select catalog_hash(${id}) as hash) h left join ${feedState} s on s.feed = ${feed}`)
  if (!row) throw new Error('a query without conditions returned no row')
  return row
}

type Stored = { json: string | null; xml: string | null; renderedIn: number }

async function readStored(
  tx: Queryable,
  feed: FeedName,
  id: string,
  { hash, slots }: Place,
): Promise<Stored> {
  const chunks = await readStoredSlots(tx, feed, feedFormats, [slotOfHash(hash, slots)])
  const shown = text(id)
  const json = chunks.find(({ format }) => format === 'json')
  const index = json?.items.findIndex((item) => idOf(item) === shown) ?? -1
  async function itemIn(format: FeedFormat): Promise<string | null> {
    const chunk = chunks.find((one) => one.format === format)
    const item = chunk?.items[index]
    return chunk && item !== undefined ? completeItem(tx, feed, chunk, { id, item }) : null
  }
  return {
    json: await itemIn('json'),
    xml: await itemIn('xml'),
    renderedIn: Math.max(...chunks.map(({ version }) => version)),
  }
}

function reasonOf({ version, held, pending, record }: Place, inFeed: boolean): Reason | null {
  if (!inFeed && record?.published === false) return 'unpublished'
  if (version === 0) return 'not_built'
  if (pending) return held ? 'held' : 'pending'
  return inFeed ? null : 'missing'
}

const words: Record<Reason, (name: string, inFeed: boolean) => string> = {
  unpublished: (name) => `The ${name} is not published, so the feed leaves it out.`,
  pending: (name) => `The feed is being brought up to date: the ${name} may have changed since.`,
  held: (name, inFeed) =>
    `The feed is held: it ${inFeed ? `has the ${name} as it was before` : `does not have the ${name} yet`}. Release the feed, or restore the items it would lose.`,
  not_built: () => 'The feed was not built yet. Try again in a moment.',
  missing: (name) =>
    `The feed lacks the ${name}, although it is published and nothing is pending. Run storefeed rebuild.`,
}

/** Null when it is not known: the items beside it are rendered with it, so one of them may have changed instead. */
function hadItem(
  { at, version }: LastPoll,
  { record }: Place,
  { json, renderedIn }: Stored,
): boolean | null {
  if (version !== null && renderedIn <= version) return json !== null
  return record && Date.parse(record.created_at) > Date.parse(at) ? false : null
}
