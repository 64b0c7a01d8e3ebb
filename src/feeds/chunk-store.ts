/** Renders slots into chunks in the database, batch by batch, so that memory stays flat. */
import { inArray, type SQL, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { type FeedName, feedChunks, feedFormats, feedLists } from '../db/schema/feeds.ts'
import { settleBoth } from '../lib/settle-both.ts'
import { ownTurn } from '../lib/turn.ts'
import { type ChangedChunk, type ChunkChecksum, renderSlot, type SlotItem } from './chunk.ts'
import { type ItemSettings, readItems } from './item-rows.ts'
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
  read?: SlotItem[] | undefined
  settings: ItemSettings
  /** Called after each batch with the number of slots that are rendered. */
  onBatch?: ((rendered: number) => void) | undefined
}

/** How much is read and formatted at once, as JSON: of more the loop would stand still for long. */
const bytesPerBatch = 1_048_576
const itemsPerBatch = 1024
/** A batch has at most so many times the slots of the one before it: its items may be longer. */
const growth = 4

/**
 * Stores the chunks that changed, except those of the last batch, which are returned; `changed` says whether there was
 * any, `rendered` how many items the slots have, `bytes` how many these are as JSON. What a batch turned out to hold
 * decides how many slots the next ones have, since what is known beforehand may be of other days.
 */
export async function renderSlots(
  tx: Queryable,
  rendering: Rendering,
): Promise<{ changed: boolean; rendered: number; bytes: number; last: ChangedChunk[] }> {
  const { feed, slots, touched, stored, settings } = rendering
  const known = new Map(stored.map((checksum) => [chunkKey(checksum), checksum]))
  const read = (batch: number[]) =>
    batch.length > 0 ? readItems[feed](tx, hashRanges(batch, slots), settings) : []

  let changed = false
  let items = 0
  let sumOfBytes = 0
  let most = growth
  let batch = rendering.read ? touched : touched.slice(0, 1)
  let end = batch.length
  let rows = rendering.read ?? (await read(batch))
  let previous: ChangedChunk[] = []
  while (batch.length > 0) {
    const next = touched.slice(end, end + Math.min(most, batch.length * growth))
    // While this batch is rendered, Postgres stores the previous one and reads the next.
    const [{ chunks, rendered, bytes }, [nextRows]] = await settleBoth(
      renderBatch(rendering, batch, rows, known),
      settleBoth(read(next), saveChunks(tx, rendering, previous)),
    )
    changed ||= chunks.length > 0
    items += rendered
    sumOfBytes += bytes
    rendering.onBatch?.(end)
    const share = Math.min(itemsPerBatch / rendered, bytesPerBatch / bytes)
    most = Math.max(1, Math.floor(batch.length * share))
    end += next.length
    batch = next
    rows = nextRows
    previous = chunks
  }
  return { changed, rendered: items, bytes: sumOfBytes, last: previous }
}

/** In two formats each, which fills zlib's threads; more would take longer, and block the loop while they are formatted. */
const slotsAtOnce = 2

async function renderBatch(
  { feed, slots, settings: { pieceBytes } }: Rendering,
  batch: number[],
  rows: SlotItem[],
  known: Map<string, ChunkChecksum>,
): Promise<{ chunks: ChangedChunk[]; rendered: number; bytes: number }> {
  const bySlot = new Map<number, SlotItem[]>(batch.map((slot) => [slot, []]))
  for (const row of rows) bySlot.get(slotOfHash(row.hash, slots))?.push(row)
  const chunks: ChangedChunk[] = []
  let bytes = 0
  const waiting = bySlot.entries()
  async function renderWaiting() {
    for (const [slot, items] of waiting) {
      // Requests have their turn between any two slots.
      await ownTurn()
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

export function readChecksums(
  tx: Queryable,
  feed: FeedName,
  slots: number[],
): Promise<ChunkChecksum[]> {
  return readChunks(tx, feed, slots, sql``)
}

/** With their bodies, which hold no long lists. */
export function readStoredChunks(
  tx: Queryable,
  feed: FeedName,
  slots: number[],
): Promise<StoredChunk[]> {
  return readChunks<StoredChunk>(tx, feed, slots, sql`, body`)
}

export type StoredChunk = ChunkChecksum & { body: Buffer }

/** The formats are listed, although there are no others, so that the index leads straight to the slots. */
async function readChunks<Chunk extends ChunkChecksum>(
  tx: Queryable,
  feed: FeedName,
  slots: number[],
  more: SQL,
): Promise<Chunk[]> {
  if (slots.length === 0) return []
  return tx.execute<Chunk>(sql`
    select format, slot, items, crc::float8 as crc, bytes, lists ${more} from ${feedChunks}
    where feed = ${feed} and ${inArray(feedChunks.format, [...feedFormats])} and slot = any(${sql.param(slots)}::smallint[])`)
}

/**
 * So that the next refresh finds single slots by the right index; autovacuum would look within a minute or two, and is not
 * waited for.
 */
export async function analyzeChunks(db: Queryable): Promise<void> {
  await db.execute(sql`analyze (skip_locked) ${feedChunks}, ${feedLists}`)
}
