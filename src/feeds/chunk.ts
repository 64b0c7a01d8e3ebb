import { crc32 } from 'node:zlib'
import type { FeedFormat, FeedName } from '../db/schema/feeds.ts'
import { feedFormats } from '../db/schema/feeds.ts'
import { type DeflateSegment, deflateText } from './deflate.ts'
import { formatters } from './formatters.ts'
import type { Item } from './item.ts'

export type Chunk = DeflateSegment & { format: FeedFormat; slot: number; items: number }

/** Distinguishes a chunk from another of the same slot without its body. */
export type ChunkChecksum = Omit<Chunk, 'body'>

/** The chunks of one slot in both formats, without those that are unchanged; `bytes` are those of its items as JSON. */
export async function renderSlot(
  feed: FeedName,
  slot: number,
  items: Item[],
  isUnchanged: (checksum: ChunkChecksum) => boolean,
): Promise<{ chunks: Chunk[]; bytes: number }> {
  const rendered = await Promise.all(
    feedFormats.map(async (format) => {
      const { item, separator } = formatters[feed][format]
      const text = Buffer.from(items.map(item).join(separator))
      const checksum = { format, slot, items: items.length, crc: crc32(text), bytes: text.length }
      const chunks = isUnchanged(checksum) ? [] : [{ ...checksum, body: await deflateText(text) }]
      return { chunks, bytes: format === 'json' ? text.length : 0 }
    }),
  )
  return {
    chunks: rendered.flatMap(({ chunks }) => chunks),
    bytes: rendered.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
