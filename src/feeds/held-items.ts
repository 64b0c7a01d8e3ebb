/** What a held feed still serves, and would lose when it is released. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, snapshot } from '../db/connection.ts'
import { ALL_BUCKETS, type FeedName, feedState } from '../db/schema/feeds.ts'
import { invalidCursor, type Page, readCursor, writeCursor } from '../lib/pagination.ts'
import { text } from './item.ts'
import { countItems, hashIsIn } from './item-rows.ts'
import { readPendingChanges } from './pending-changes.ts'
import { hashRanges, slotOfHash } from './slots.ts'
import { idOf, readStoredSlots } from './stored-items.ts'

export type HeldItems = {
  held_since: string | null
  items_now: number
  items_then: number
  items: { id: string; title: string; reason: 'removed' | 'unpublished' }[]
  next_cursor: string | null
}

/** Some thousand items at a time. */
const slotsAtOnce = 32
/** So that a page of a large feed that loses few items takes not too long; it is then not full. */
const slotsPerPage = 512

export function readHeldItems(db: Database, feed: FeedName, page: Page): Promise<HeldItems> {
  const after = page.cursor === undefined ? undefined : readPosition(page.cursor)
  return snapshot(db, async (tx) => {
    const [state] = await tx.execute<{ since: string | null; items: number; slots: number }>(sql`
      select to_json(held_since) as since, items, slots from ${feedState} where feed = ${feed}`)
    const counts = { items_now: state?.items ?? 0, items_then: await countItems(tx, feed) }
    if (!state?.since) return { held_since: null, ...counts, items: [], next_cursor: null }
    const slots = await touchedSlots(tx, feed, state.slots)
    const found = await findGone(tx, feed, { slots, of: state.slots, after, limit: page.limit })
    return { held_since: state.since, ...counts, ...found }
  })
}

/** Where a page ended: at an item of a slot, or at the slot's end. */
type Position = { slot: number; id: string }

const writePosition = ({ slot, id }: Position) => writeCursor(`${slot},${id}`)

function readPosition(cursor: string): Position {
  const [, slot, id = ''] = /^(\d{1,5}),([^,]*)$/.exec(readCursor(cursor)) ?? []
  return slot === undefined ? invalidCursor() : { slot: Number(slot), id }
}

/** Sorted. Items are lost where changes are pending. */
async function touchedSlots(tx: Queryable, feed: FeedName, of: number): Promise<number[]> {
  const { hashes } = await readPendingChanges(tx, feed)
  if (hashes.has(ALL_BUCKETS)) return Array.from({ length: of }, (_, slot) => slot)
  return [...new Set([...hashes].map((hash) => slotOfHash(hash, of)))].sort((a, b) => a - b)
}

type Search = { slots: number[]; of: number; after: Position | undefined; limit: number }

async function findGone(tx: Queryable, feed: FeedName, { slots, of, after, limit }: Search) {
  const left = after ? slots.filter((slot) => slot >= after.slot) : slots
  const searched = left.slice(0, slotsPerPage)
  const gone: (Position & { item: string })[] = []
  for (let from = 0; from < searched.length && gone.length <= limit; from += slotsAtOnce) {
    const some = await goneFrom(tx, feed, searched.slice(from, from + slotsAtOnce), of)
    gone.push(...(from === 0 && after ? afterPosition(some, after) : some))
  }
  const shown = gone.slice(0, limit)
  const [last, end] = [shown.at(-1), searched.at(-1)]
  const isCut = gone.length > limit || left.length > searched.length
  const position = gone.length > limit ? last : end !== undefined && { slot: end + 1, id: '' }
  return {
    items: await withReasons(tx, feed, shown),
    next_cursor: isCut && position ? writePosition(position) : null,
  }
}

/** Of a slot in which the item is no more, all. */
function afterPosition<T extends Position>(gone: T[], { slot, id }: Position): T[] {
  const place = gone.findIndex((one) => one.slot === slot && one.id === id)
  return gone.slice(place + 1)
}

async function goneFrom(tx: Queryable, feed: FeedName, slots: number[], of: number) {
  const [stored, published] = await Promise.all([
    readStoredSlots(tx, feed, ['json'], slots),
    tx.execute<{ id: string }>(sql`
      select t.id from ${sql.identifier(feed)} t where t.published and ${hashIsIn(hashRanges(slots, of))}`),
  ])
  const kept = new Set(published.map(({ id }) => text(id)))
  return stored.flatMap(({ slot, items }) =>
    items.map((item) => ({ slot, id: idOf(item), item })).filter(({ id }) => !kept.has(id)),
  )
}

async function withReasons(
  tx: Queryable,
  feed: FeedName,
  shown: { id: string; item: string }[],
): Promise<HeldItems['items']> {
  const ids = JSON.stringify(shown.map(({ id }) => id))
  const rows = await tx.execute<{ id: string }>(sql`
    select id from ${sql.identifier(feed)} where id in (select jsonb_array_elements_text(${ids}::jsonb))`)
  const there = new Set(rows.map(({ id }) => id))
  return shown.map(({ id, item }) => ({
    id,
    title: String(JSON.parse(item).$title),
    reason: there.has(id) ? 'unpublished' : 'removed',
  }))
}
