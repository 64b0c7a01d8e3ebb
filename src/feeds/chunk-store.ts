/** In charge of chunks in the database: rendering slots into them, batch by batch, so that memory stays flat. */
import { eq, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connect.ts'
import { type FeedName, feedChunks } from '../db/schema/feeds.ts'
import { type Chunk, type ChunkMark, renderSlot } from './chunk.ts'
import { inlineNumbers, inlineWord } from './inline.ts'
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
  slotsAtOnce: number
  decimals: number
}

/** Stores the slots that come out otherwise than they are; false when there was none. */
export async function renderSlots(tx: Queryable, rendering: Rendering): Promise<boolean> {
  const { feed, slots, touched, slotsAtOnce, decimals } = rendering
  const batches: number[][] = []
  for (let first = 0; first < touched.length; first += slotsAtOnce)
    batches.push(touched.slice(first, first + slotsAtOnce))
  const read = (batch: number[] | undefined) =>
    batch ? readItems[feed](tx, hashRanges(batch, slots), decimals) : []

  let changed = false
  let rows = await read(batches[0])
  let rendered: Chunk[] = []
  for (const [place, batch] of batches.entries()) {
    // While this batch is rendered, Postgres stores the one before and reads the next.
    const [chunks, next] = await Promise.all([
      renderBatch(tx, rendering, batch, rows),
      read(batches[place + 1]),
      saveChunks(tx, rendering, rendered),
    ])
    changed ||= chunks.length > 0
    rows = next
    rendered = chunks
  }
  await saveChunks(tx, rendering, rendered)
  return changed
}

async function renderBatch(
  tx: Queryable,
  { feed, slots }: Rendering,
  batch: number[],
  rows: HashedItem[],
): Promise<Chunk[]> {
  const known = await readMarks(tx, feed, batch)
  const bySlot = new Map<number, Item[]>(batch.map((slot) => [slot, []]))
  for (const { hash, item } of rows) bySlot.get(slotOfHash(hash, slots))?.push(item)
  const rendered = await Promise.all(
    [...bySlot].map(([slot, items]) =>
      renderSlot(feed, slot, items, (mark) => known.has(nameOf(mark))),
    ),
  )
  return rendered.flat()
}

const nameOf = ({ format, slot, crc, bytes }: ChunkMark) => `${format} ${slot} ${crc} ${bytes}`

async function readMarks(tx: Queryable, feed: FeedName, slots: number[]): Promise<Set<string>> {
  const marks = await tx.execute<ChunkMark>(sql`
    select format, slot, crc::float8 as crc, bytes from ${feedChunks} where feed = ${inlineWord(feed)} and ${slotIsOneOf(slots)}`)
  return new Set(marks.map(nameOf))
}

const slotIsOneOf = (slots: number[]) => sql`slot in (${inlineNumbers(slots)})`

async function saveChunks(
  tx: Queryable,
  { feed, version }: Rendering,
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

/** How many items some slots hold as they are stored. */
export async function countStored(tx: Queryable, feed: FeedName, slots: number[]): Promise<number> {
  const [row] = await tx.execute<{ items: number }>(sql`
    select coalesce(sum(items), 0)::int as items from ${feedChunks} where feed = ${inlineWord(feed)} and format = 'json' and ${slotIsOneOf(slots)}`)
  return row?.items ?? 0
}

export async function removeChunks(tx: Queryable, feed: FeedName): Promise<void> {
  await tx.delete(feedChunks).where(eq(feedChunks.feed, feed))
}
