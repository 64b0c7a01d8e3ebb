/** In charge of the copy of a feed that is served from memory: what was loaded of one version, checked, and caught up. */
import { sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import {
  ALL_BUCKETS,
  type FeedFormat,
  type FeedName,
  feedBuilds,
  feedChanges,
  feedChunks,
  feedState,
} from '../db/schema/feeds.ts'
import type { DeflateSegment } from './deflate.ts'
import { type FeedState, readStates } from './feed-state.ts'
import { isIntact } from './gzip-member.ts'
import { hashes } from './slots.ts'

type StoredChunk = DeflateSegment & { items: number }

export type FeedSnapshot = {
  feed: FeedName
  format: FeedFormat
  version: number
  build: string | null
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
 * Loads what changed since `previous`, or all; state and chunks of one moment. Undefined when the
 * feed was never built. What is loaded is checked against its CRC before it can be served.
 */
export async function loadSnapshot(
  db: Database,
  feed: FeedName,
  format: FeedFormat,
  previous?: FeedSnapshot,
): Promise<FeedSnapshot | undefined> {
  const loaded =
    (previous && (await readChanges(db, previous))) ??
    (await transaction(db, (tx) => readWhole(tx, feed, format), {
      isolationLevel: 'repeatable read',
    }))
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
type Loaded = { copy: FeedSnapshot; broken: number[]; slots: number }
type Head = Pick<FeedState, 'version' | 'build' | 'slots' | 'built_at'>
type ChunkRow = StoredChunk & { slot: number }

const chunkColumns = sql.raw('c.slot, c.body, c.crc::float8 as crc, c.bytes, c.items')

/**
 * One statement, so one moment. Undefined when the copy can't grow: slots were chosen anew, or its build is none
 * that led to what the database has now, as when that was restored.
 */
async function readChanges(db: Database, copy: FeedSnapshot): Promise<Loaded | undefined> {
  const { feed, format, chunks } = copy
  // A feed without changes is one row, without a slot.
  const rows = await db.execute<Head & (ChunkRow | { slot: null })>(sql`
    select s.version::float8 as version, b.build, s.slots, s.built_at, ${chunkColumns}
    from ${feedState} s left join ${feedBuilds} b on b.feed = s.feed and b.version = s.version
    left join ${feedChunks} c
      on c.feed = s.feed and c.format = ${format} and c.version > ${copy.version}
    where s.feed = ${feed} and s.slots = ${chunks.length} and s.version >= ${copy.version}
      and exists (select from ${feedBuilds} own
        where own.feed = s.feed and own.version = ${copy.version} and own.build = ${copy.build})`)
  const [head] = rows
  if (!head) return undefined
  const places = [...chunks]
  const broken = await place(
    rows.filter((row) => row.slot !== null),
    places,
  )
  return loadedOf(copy, head, places, broken)
}

/** Batch by batch. */
async function readWhole(
  tx: Queryable,
  feed: FeedName,
  format: FeedFormat,
): Promise<Loaded | undefined> {
  const head = (await readStates(tx))[feed]
  if (!head) return undefined
  const places: StoredChunk[] = []
  const broken: number[] = []
  for (let first = 0; first < head.slots; first += slotsAtOnce) {
    const rows = await tx.execute<ChunkRow>(sql`
      select ${chunkColumns} from ${feedChunks} c
      where c.feed = ${feed} and c.format = ${format}
        and c.slot between ${first} and ${first + slotsAtOnce - 1}`)
    broken.push(...(await place(rows, places)))
  }
  return loadedOf({ feed, format }, head, places, broken)
}

function loadedOf(
  { feed, format }: Pick<FeedSnapshot, 'feed' | 'format'>,
  { version, build, slots, built_at }: Head,
  places: StoredChunk[],
  broken: number[],
): Loaded {
  const chunks = places.filter((chunk) => chunk !== undefined)
  return {
    copy: { feed, format, version, build, builtAt: new Date(built_at), chunks },
    broken,
    slots,
  }
}

/** Puts the chunks into their places; answers the slots whose chunk is broken. */
async function place(rows: ChunkRow[], places: StoredChunk[]): Promise<number[]> {
  for (const { slot, body, crc, bytes, items } of rows) places[slot] = { body, crc, bytes, items }
  const broken: number[] = []
  for (let from = 0; from < rows.length; from += checkedAtOnce) {
    const some = rows.slice(from, from + checkedAtOnce)
    const whole = await Promise.all(some.map(isIntact))
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
    ) insert into ${feedChanges} (feed, hash) select ${feed}, slot * ${hashes / slots} from marked`)
}

/** How many items the missing ones held is not known, so all are counted and rendered again. */
async function noteMissing(db: Queryable, feed: FeedName): Promise<void> {
  await db.execute(sql`
    insert into ${feedChanges} (feed, hash) select ${feed}, ${ALL_BUCKETS}
    where not exists (select from ${feedChanges} where feed = ${feed} and hash = ${ALL_BUCKETS})`)
}
