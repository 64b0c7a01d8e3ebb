/** In charge of the copy of a feed that is served from memory: what was loaded of one version, checked, and caught up. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connect.ts'
import {
  everyHash,
  type FeedFormat,
  type FeedName,
  feedChanges,
  feedChunks,
} from '../db/schema/feeds.ts'
import type { Piece } from './deflate.ts'
import { isWhole } from './gzip-member.ts'
import { inlineNumbers, inlineWord } from './inline.ts'
import { type FeedState, readStates } from './state.ts'

type StoredChunk = Piece & { items: number }

export type FeedCopy = {
  feed: FeedName
  format: FeedFormat
  version: number
  builtAt: Date
  /** One for every slot. */
  chunks: StoredChunk[]
}

/** Some chunks are gone or do not hold what they held when they were made; the next refresh makes them again. */
export class BrokenChunks extends Error {}

const slotsAtOnce = 256
/** Each takes some memory while it is unpacked. */
const checkedAtOnce = 64

/**
 * Loads what changed since `previous`, or all; state and chunks in one snapshot. Undefined when the
 * feed was never built. What is loaded is checked against its CRC before it can be served.
 */
export async function loadCopy(
  db: Database,
  feed: FeedName,
  format: FeedFormat,
  previous?: FeedCopy,
): Promise<FeedCopy | undefined> {
  const loaded = await transaction(db, (tx) => readCopy(tx, feed, format, previous), {
    isolationLevel: 'repeatable read',
  })
  if (!loaded) return undefined
  const { copy, broken, slots } = loaded
  if (broken.length > 0) await noteBroken(db, feed, format, broken, slots)
  const missing = slots - copy.chunks.length
  if (missing > 0) await noteMissing(db, feed)
  if (broken.length + missing > 0)
    throw new BrokenChunks(
      `Of the ${format} chunks of the ${feed} feed ${missing} are missing, and these do not match their checksums: ${broken.join(', ')}`,
    )
  return copy
}

/** `broken` are slots. A copy with fewer chunks than slots is none to be served either. */
async function readCopy(
  tx: Queryable,
  feed: FeedName,
  format: FeedFormat,
  previous: FeedCopy | undefined,
): Promise<{ copy: FeedCopy; broken: number[]; slots: number } | undefined> {
  const state = (await readStates(tx)).get(feed)
  if (!state) return undefined
  const { version, slots, built_at } = state
  const base = previous && canGrow(previous, state) ? previous : undefined
  const places: (StoredChunk | undefined)[] = base ? [...base.chunks] : []
  const broken: number[] = []
  // What changed is little; the whole is read by and by.
  const step = base ? slots : slotsAtOnce
  for (let first = 0; first < slots; first += step) {
    const range = { feed, format, first, last: first + step - 1, after: base?.version ?? -1 }
    broken.push(...(await loadSlots(tx, places, range)))
  }
  const chunks = places.filter((chunk) => chunk !== undefined)
  return { copy: { feed, format, version, builtAt: new Date(built_at), chunks }, broken, slots }
}

/** Not when slots were chosen anew, nor when the database was set back to an earlier time. */
const canGrow = (copy: FeedCopy, state: FeedState) =>
  copy.chunks.length === state.slots && copy.version <= state.version

type SlotRange = {
  feed: FeedName
  format: FeedFormat
  first: number
  last: number
  /** A version. */
  after: number
}

/** Puts the chunks into their places; answers the slots whose chunk is broken. */
async function loadSlots(
  tx: Queryable,
  places: (StoredChunk | undefined)[],
  { feed, format, first, last, after }: SlotRange,
): Promise<number[]> {
  const rows = await tx.execute<StoredChunk & { slot: number }>(sql`
    select slot, body, crc::float8 as crc, bytes, items from ${feedChunks}
    where feed = ${inlineWord(feed)} and format = ${inlineWord(format)}
      and slot between ${inlineNumbers([first])} and ${inlineNumbers([last])} and version > ${inlineNumbers([after])}`)
  for (const { slot, ...chunk } of rows) places[slot] = chunk
  const broken: number[] = []
  for (let from = 0; from < rows.length; from += checkedAtOnce) {
    const some = rows.slice(from, from + checkedAtOnce)
    const whole = await Promise.all(some.map(isWhole))
    broken.push(...some.filter((_, place) => !whole[place]).map(({ slot }) => slot))
  }
  return broken
}

/** A length of -1 is no chunk's, so the next refresh renders the slot again, whatever comes out. Noted once. */
async function noteBroken(
  db: Queryable,
  feed: FeedName,
  format: FeedFormat,
  broken: number[],
  slots: number,
): Promise<void> {
  const list = sql`(select jsonb_array_elements_text(${JSON.stringify(broken)}::jsonb)::int)`
  await db.execute(sql`
    with marked as (
      update ${feedChunks} set bytes = -1
      where feed = ${feed} and format = ${format} and slot in ${list} and bytes <> -1 returning slot
    ) insert into ${feedChanges} (feed, hash) select ${feed}, slot * ${4096 / slots} from marked`)
}

/** How many items the missing ones held is not known, so all are counted and rendered again. */
async function noteMissing(db: Queryable, feed: FeedName): Promise<void> {
  await db.execute(sql`
    insert into ${feedChanges} (feed, hash) select ${feed}, ${everyHash}
    where not exists (select from ${feedChanges} where feed = ${feed} and hash = ${everyHash})`)
}
