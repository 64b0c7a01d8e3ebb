/** The copy of a feed that is served from memory: loaded from one version, checked, and updated by later versions. */
import { type SQL, sql } from 'drizzle-orm'
import { type Database, type Queryable, transaction } from '../db/connection.ts'
import {
  ALL_BUCKETS,
  type FeedFormat,
  type FeedFrame,
  type FeedName,
  feedBuilds,
  feedChanges,
  feedChunks,
  feedLists,
  feedState,
} from '../db/schema/feeds.ts'
import { groupBy } from '../lib/group-by.ts'
import { type GroupedChunks, groupChunks } from './chunk-groups.ts'
import type { DeflateSegment } from './deflate.ts'
import { type FeedState, readStates } from './feed-state.ts'
import { isIntact } from './gzip-member.ts'
import { hashCount } from './slots.ts'
import {
  type ChunkRow,
  joinPieces,
  type LoadedChunk,
  type PieceRow,
  segmentsToCheck,
} from './stored-chunk.ts'

export type FeedSnapshot = {
  feed: FeedName
  format: FeedFormat
  version: number
  build: string | null
  modifiedAt: Date
  frame: FeedFrame
} & GroupedChunks

/** Some chunks are missing or corrupt; the next refresh renders them again. */
export class BrokenChunks extends Error {}

const slotsPerQuery = 256
/** As many as zlib has threads: more would take longer, and the memory of their texts. */
const checkConcurrency = 4

/**
 * Loads the chunks that changed since `previous`, or all; state and chunks are of one moment. Undefined when the feed was
 * never built. Loaded chunks are checked against their CRC before they are served.
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
  const { head, chunks, broken } = loaded
  const { version, build, slots, modified_at, frame } = head
  const missing = slots - chunks.length
  if (broken.length + missing > 0) {
    await recordDamage(db, { feed, format }, { broken, missing, slots })
    throw new BrokenChunks(
      `${feed} feed, ${format}: ${missing} chunks are missing, and those of these slots do not match their checksums: ${broken.join(', ')}`,
    )
  }
  return {
    ...{ feed, format, version, build, modifiedAt: new Date(modified_at), frame },
    ...(await groupChunks(chunks, frame.separator, previous)),
  }
}

/** `broken` are slots. With fewer chunks than slots a feed must not be served either. */
type Loaded = { head: Head; chunks: LoadedChunk[]; broken: number[] }
type Head = Pick<FeedState, 'version' | 'build' | 'slots'> & {
  modified_at: string
  frame: FeedFrame
}

const headColumns = (format: FeedFormat) =>
  sql`s.version::float8 as version, b.build, s.slots, s.modified_at, s.frames -> ${format} as frame`
const headTables = sql`${feedState} s left join ${feedBuilds} b on b.feed = s.feed and b.version = s.version`
/** A row of either table: a piece has no items. */
type StoredRow = (ChunkRow & { item: null }) | (PieceRow & { items: null })
const storedRows = (feed: FeedName, format: FeedFormat, where: SQL) => sql`
  select c.slot, c.body, c.crc::float8 as crc, c.bytes, c.items, c.lists, null as item, null as first
  from ${feedChunks} c where c.feed = ${feed} and c.format = ${format} and c.${where}
  union all
  select l.slot, l.body, l.crc::float8, l.bytes, null, null, l.item, l.first
  from ${feedLists} l where l.feed = ${feed} and l.format = ${format} and l.${where}`

/**
 * One statement, so one moment. Undefined when the snapshot cannot be updated: the number of slots changed, or its build
 * is not part of the database's history, as after a restore.
 */
async function readChanges(db: Database, snapshot: FeedSnapshot): Promise<Loaded | undefined> {
  const { feed, format, chunks } = snapshot
  // Without changes the result is one row without a slot.
  const rows = await db.execute<Head & (StoredRow | { slot: null })>(sql`
    select ${headColumns(format)}, r.* from ${headTables}
    left join (${storedRows(feed, format, sql`version > ${snapshot.version}`)}) r on true
    where s.feed = ${feed} and s.slots = ${chunks.length} and s.version >= ${snapshot.version}
      and exists (select from ${feedBuilds} own
        where own.feed = s.feed and own.version = ${snapshot.version} and own.build = ${snapshot.build})`)
  const [head] = rows
  if (!head) return undefined
  const bySlot = [...chunks]
  const broken = await insert(
    rows.filter((row) => row.slot !== null),
    bySlot,
  )
  return { head, chunks: present(bySlot), broken }
}

/** Batch by batch. */
async function readWhole(
  tx: Queryable,
  feed: FeedName,
  format: FeedFormat,
): Promise<Loaded | undefined> {
  const [head] = await tx.execute<Head>(
    sql`select ${headColumns(format)} from ${headTables} where s.feed = ${feed}`,
  )
  if (!head) return undefined
  const bySlot: LoadedChunk[] = []
  const broken: number[] = []
  for (let first = 0; first < head.slots; first += slotsPerQuery) {
    const slots = sql`slot between ${first} and ${first + slotsPerQuery - 1}`
    const rows = await tx.execute<StoredRow>(storedRows(feed, format, slots))
    broken.push(...(await insert(rows, bySlot)))
  }
  return { head, chunks: present(bySlot), broken }
}

const present = (bySlot: LoadedChunk[]) => bySlot.filter((chunk) => chunk !== undefined)

/** Inserts the chunks at their slots and returns the slots whose chunk is broken. */
async function insert(rows: StoredRow[], bySlot: LoadedChunk[]): Promise<number[]> {
  const pieces = groupBy(
    rows.filter((row) => row.items === null),
    ({ slot }) => slot,
  )
  const chunks = rows.filter((row) => row.items !== null)
  const broken: number[] = []
  for (let from = 0; from < chunks.length; from += checkConcurrency) {
    const some = chunks.slice(from, from + checkConcurrency)
    const intact = await Promise.all(
      some.map((row) => {
        const loaded = pieces.get(row.slot) ?? []
        const joined = joinPieces(row, loaded, bySlot[row.slot])
        bySlot[row.slot] = joined ?? row
        return joined !== undefined && areIntact(segmentsToCheck(joined, row, loaded))
      }),
    )
    broken.push(...some.filter((_, index) => !intact[index]).map(({ slot }) => slot))
  }
  return broken
}

async function areIntact(segments: DeflateSegment[]): Promise<boolean> {
  for (const segment of segments) if (!(await isIntact(segment))) return false
  return true
}

type Damage = { broken: number[]; missing: number; slots: number }

/** Unless the database is of another release, which may store chunks otherwise. */
async function recordDamage(
  db: Queryable,
  { feed, format }: Pick<FeedSnapshot, 'feed' | 'format'>,
  { broken, missing, slots }: Damage,
): Promise<void> {
  if ((await readStates(db)).isNewer) return
  if (broken.length > 0) await recordBroken(db, feed, format, broken, slots)
  if (missing > 0) await recordMissing(db, feed)
}

/** Marks them by a length of -1, which no chunk has, so the next refresh renders them again. Recorded once. */
async function recordBroken(
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
    ) insert into ${feedChanges} (feed, hash) select ${feed}, slot * ${hashCount / slots} from marked`)
}

/** How many items the missing chunks had is unknown, so everything is counted and rendered again. */
async function recordMissing(db: Queryable, feed: FeedName): Promise<void> {
  await db.execute(sql`
    insert into ${feedChanges} (feed, hash) select ${feed}, ${ALL_BUCKETS}
    where not exists (select from ${feedChanges} where feed = ${feed} and hash = ${ALL_BUCKETS})`)
}
