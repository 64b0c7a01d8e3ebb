/** The response to a poll: the deflate segments of a feed, or of a part of it, concatenated. */
import { type DeflateSegment, inflateSegment, shortSegment } from './deflate.ts'
import type { FeedSnapshot } from './feed-snapshot.ts'
import { concatenate, gzipMember } from './gzip-member.ts'
import { type Part, slotsOfPart } from './slots.ts'

export type FeedResponse = {
  contentType: string
  version: number
  build: string | null
  modifiedAt: Date
  items: number
  /** Of the uncompressed text. */
  bytes: number
  /** Identifies the text; with the encoding it makes the ETag. */
  tag: string
  /** The body for `Content-Encoding: gzip`. The buffers are shared: do not modify them. */
  gzip: { buffers: Buffer[]; bytes: number }
  /** The uncompressed text, segment by segment, for one reader. */
  text: () => AsyncGenerator<Buffer>
  /** The uncompressed text in buffers that all readers share; undefined unless the feed is small. */
  inflated: () => Promise<Buffer[] | undefined>
}

/** The size of a whole feed's text up to which it is kept uncompressed. */
const smallBytes = 262_144

/** Compresses nothing: the cost is a few operations per chunk. */
export function createFeedResponse(snapshot: FeedSnapshot, part: Part): FeedResponse {
  const { head, separator, tail, contentType } = snapshot.frame
  const { first, last } = slotsOfPart(part, snapshot.chunks.length)
  const chunks = snapshot.chunks.slice(first, last + 1).filter((chunk) => chunk.items > 0)
  const between = shortSegment(separator)
  const bodies: DeflateSegment[] = chunks.flatMap((chunk, index) =>
    index === 0 ? [chunk] : [between, chunk],
  )
  const segments = [shortSegment(head), ...bodies, shortSegment(tail)]
  const { crc, bytes } = concatenate(segments)
  const buffers = gzipMember(segments)
  const isSmall = snapshot.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0) <= smallBytes
  let inflated: Promise<Buffer[]> | undefined
  return {
    contentType,
    version: snapshot.version,
    build: snapshot.build,
    modifiedAt: snapshot.modifiedAt,
    items: chunks.reduce((sum, chunk) => sum + chunk.items, 0),
    bytes,
    tag: `${snapshot.build}-${crc.toString(16)}-${bytes.toString(16)}`,
    gzip: { buffers, bytes: buffers.reduce((sum, buffer) => sum + buffer.length, 0) },
    text: () => inflateAll(segments),
    async inflated() {
      if (!isSmall) return undefined
      inflated ??= Promise.all(segments.map(inflateSegment))
      return inflated
    },
  }
}

async function* inflateAll(segments: readonly DeflateSegment[]): AsyncGenerator<Buffer> {
  for (const segment of segments) yield inflateSegment(segment)
}
