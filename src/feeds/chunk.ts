/** In charge of chunks: the items of one slot, written in one format and deflated. */
import { crc32 } from 'node:zlib'
import type { FeedFormat, FeedName } from '../db/schema/feeds.ts'
import { feedFormats } from '../db/schema/feeds.ts'
import { type DeflateSegment, deflateText } from './deflate.ts'
import { formatters } from './formatters.ts'
import type { Item } from './item.ts'

export type Chunk = DeflateSegment & { format: FeedFormat; slot: number; items: number }

/** What tells a chunk from another of the same slot without looking at its body. */
export type ChunkChecksum = Omit<Chunk, 'body'>

/** Both formats of one slot; null for one that would come out as `known` says it is already. */
export async function renderSlot(
  feed: FeedName,
  slot: number,
  items: Item[],
  isKnown: (mark: ChunkChecksum) => boolean,
): Promise<Chunk[]> {
  const chunks = await Promise.all(
    feedFormats.map(async (format) => {
      const { item, separator } = formatters[feed][format]
      const text = Buffer.from(items.map(item).join(separator))
      const mark = { format, slot, items: items.length, crc: crc32(text), bytes: text.length }
      return isKnown(mark) ? [] : [{ ...mark, body: await deflateText(text) }]
    }),
  )
  return chunks.flat()
}
