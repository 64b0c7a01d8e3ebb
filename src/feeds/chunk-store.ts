/** Renders slots into chunks in the database, batch by batch, so that memory stays flat. */
import { inArray, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { type FeedName, feedChunks, feedFormats } from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import { type ChangedChunk, type ChunkChecksum, renderSlot } from './chunk.ts'
import { type HashedItem, type ItemSettings, readItems } from './item-rows.ts'
import { saveChunks } from './save-chunks.ts'
import { hashRanges, slotOfHash } from './slots.ts'

type Rendering = {
  feed: FeedName
  /** The version of chunks that change. */
  version: number
  slots: number
  /** Sorted. */
  touched: number[]
  /** The checksums of their stored chunks. */
  stored: ChunkChecksum[]
  /** All of their items, if they were read already. */
  read?: HashedItem[] | undefined
  slotsPerBatch: number
  settings: ItemSettings
  /** Called after each batch with the number of slots that are rendered. */
  onBatch?: ((rendered: number) => void) | undefined
}

/** Stores the chunks that changed, except those of the last batch, which are returned; `changed` says whether there was any, `rendered` how many items the slots have, `bytes` how many these are as JSON. */
export async function renderSlots(
  tx: Queryable,
  rendering: Rendering,
): Promise<{ changed: boolean; rendered: number; bytes: number; last: ChangedChunk[] }> {
  const { feed, slots, touched, stored, slotsPerBatch, settings } = rendering
  const known = new Map(stored.map((checksum) => [chunkKey(checksum), checksum]))
  const batches: number[][] = []
  for (let first = 0; first < touched.length; first += slotsPerBatch)
    batches.push(touched.slice(first, first + slotsPerBatch))
  const read = (batch: number[] | undefined) =>
    batch ? readItems[feed](tx, hashRanges(batch, slots), settings) : []

  let changed = false
  let items = 0
  let sumOfBytes = 0
  let rows = rendering.read ?? (await read(batches[0]))
  let previous: ChangedChunk[] = []
  for (const [index, batch] of batches.entries()) {
    // While this batch is rendered, Postgres stores the previous one and reads the next.
    const [{ chunks, rendered, bytes }, [next]] = await settleBoth(
      renderBatch(rendering, batch, rows, known),
      settleBoth(read(batches[index + 1]), saveChunks(tx, rendering, previous)),
    )
    changed ||= chunks.length > 0
    items += rendered
    sumOfBytes += bytes
    rendering.onBatch?.(Math.min((index + 1) * slotsPerBatch, touched.length))
    rows = next
    previous = chunks
  }
  return { changed, rendered: items, bytes: sumOfBytes, last: previous }
}

/** In two formats each, which fills zlib's threads; more would take longer, and block the loop while they are formatted. */
const slotsAtOnce = 2

async function renderBatch(
  { feed, slots, settings: { pieceBytes } }: Rendering,
  batch: number[],
  rows: HashedItem[],
  known: Map<string, ChunkChecksum>,
): Promise<{ chunks: ChangedChunk[]; rendered: number; bytes: number }> {
  const bySlot = new Map<number, HashedItem[]>(batch.map((slot) => [slot, []]))
  for (const row of rows) bySlot.get(slotOfHash(row.hash, slots))?.push(row)
  const chunks: ChangedChunk[] = []
  let bytes = 0
  const waiting = bySlot.entries()
  async function renderWaiting() {
    for (const [slot, items] of waiting) {
      const rendered = await renderSlot({ feed, slot, pieceBytes }, items, (format, of) =>
        known.get(chunkKey({ format, slot: of })),
      )
      chunks.push(...rendered.chunks)
      bytes += rendered.bytes
    }
  }
  await Promise.all(Array.from({ length: slotsAtOnce }, renderWaiting))
  const rendered = [...bySlot.values()].reduce((sum, items) => sum + items.length, 0)
  return { chunks, rendered, bytes }
}

const chunkKey = ({ format, slot }: Pick<ChunkChecksum, 'format' | 'slot'>) => `${format} ${slot}`

/** The formats are listed, although there are no others, so that the index leads straight to the slots. */
export async function readChecksums(
  tx: Queryable,
  feed: FeedName,
  slots: number[],
): Promise<ChunkChecksum[]> {
  if (slots.length === 0) return []
  return tx.execute<ChunkChecksum>(sql`
    select format, slot, items, crc::float8 as crc, bytes, lists from ${feedChunks}
    where feed = ${feed} and ${inArray(feedChunks.format, [...feedFormats])} and slot = any(${sql.param(slots)}::smallint[])`)
}
