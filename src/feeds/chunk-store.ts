/** In charge of chunks in the database: rendering slots into them, batch by batch, so that memory stays flat. */
import { eq, inArray, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { type FeedName, feedChunks, feedFormats } from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import { type Chunk, type ChunkChecksum, renderSlot } from './chunk.ts'
import type { Item } from './item.ts'
import { type HashedItem, readItems } from './item-rows.ts'
import { hashRanges, slotOfHash } from './slots.ts'

type Rendering = {
  feed: FeedName
  /** What the chunks that change are stored under. */
  version: number
  slots: number
  /** Sorted. */
  touched: number[]
  /** Their chunks as they are. */
  stored: ChunkChecksum[]
  /** The items of all of them, when these were read already. */
  read?: HashedItem[] | undefined
  slotsAtOnce: number
  decimals: number
}

/** Stores the slots that come out otherwise than they are, all but those rendered last, and tells whether there was one. */
export async function renderSlots(
  tx: Queryable,
  rendering: Rendering,
): Promise<{ changed: boolean; last: Chunk[] }> {
  const { feed, slots, touched, stored, slotsAtOnce, decimals } = rendering
  const known = new Set(stored.map(nameOf))
  const batches: number[][] = []
  for (let first = 0; first < touched.length; first += slotsAtOnce)
    batches.push(touched.slice(first, first + slotsAtOnce))
  const read = (batch: number[] | undefined) =>
    batch ? readItems[feed](tx, hashRanges(batch, slots), decimals) : []

  let changed = false
  let rows = rendering.read ?? (await read(batches[0]))
  let rendered: Chunk[] = []
  for (const [place, batch] of batches.entries()) {
    // While this batch is rendered, Postgres stores the one before and reads the next.
    const [chunks, [next]] = await settleBoth(
      renderBatch(rendering, batch, rows, known),
      settleBoth(read(batches[place + 1]), saveChunks(tx, rendering, rendered)),
    )
    changed ||= chunks.length > 0
    rows = next
    rendered = chunks
  }
  return { changed, last: rendered }
}

async function renderBatch(
  { feed, slots }: Rendering,
  batch: number[],
  rows: HashedItem[],
  known: Set<string>,
): Promise<Chunk[]> {
  const bySlot = new Map<number, Item[]>(batch.map((slot) => [slot, []]))
  for (const { hash, item } of rows) bySlot.get(slotOfHash(hash, slots))?.push(item)
  const rendered = await Promise.all(
    [...bySlot].map(([slot, items]) =>
      renderSlot(feed, slot, items, (mark) => known.has(nameOf(mark))),
    ),
  )
  return rendered.flat()
}

const nameOf = ({ format, slot, crc, bytes }: ChunkChecksum) => `${format} ${slot} ${crc} ${bytes}`

/** Of some slots. The formats are all there are, named so that the index leads straight to the slots. */
export async function readChecksums(
  tx: Queryable,
  feed: FeedName,
  slots: number[],
): Promise<ChunkChecksum[]> {
  if (slots.length === 0) return []
  return tx.execute<ChunkChecksum>(sql`
    select format, slot, items, crc::float8 as crc, bytes from ${feedChunks}
    where feed = ${feed} and ${inArray(feedChunks.format, [...feedFormats])} and slot = any(${sql.param(slots)}::smallint[])`)
}

export async function saveChunks(
  tx: Queryable,
  { feed, version }: Pick<Rendering, 'feed' | 'version'>,
  chunks: Chunk[],
): Promise<void> {
  if (chunks.length === 0) return
  await tx
    .insert(feedChunks)
    .values(chunks.map((chunk) => ({ ...chunk, feed, version })))
    .onConflictDoUpdate({
      target: [feedChunks.feed, feedChunks.format, feedChunks.slot],
      set: {
        version: sql`excluded.version`,
        body: sql`excluded.body`,
        crc: sql`excluded.crc`,
        bytes: sql`excluded.bytes`,
        items: sql`excluded.items`,
      },
    })
}

export async function removeChunks(tx: Queryable, feed: FeedName): Promise<void> {
  await tx.delete(feedChunks).where(eq(feedChunks.feed, feed))
}
