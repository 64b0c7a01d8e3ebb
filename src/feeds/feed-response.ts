/** The response to a poll: the deflate segments of a feed, or of a part of it, concatenated. */
import { groupCount, separated } from './chunk-groups.ts'
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

/** The size of a body up to which it is kept in one buffer: handing a buffer to the socket costs as much as copying 10 kB. */
const joinedBytes = 4_194_304

/** Compresses nothing: the cost is a few operations per group of chunks. */
export function createFeedResponse(snapshot: FeedSnapshot, part: Part): FeedResponse {
  const { head, separator, tail, contentType } = snapshot.frame
  const around = (inner: DeflateSegment[]) => [shortSegment(head), ...inner, shortSegment(tail)]
  const { first, last } = slotsOfPart(part, groupCount)
  const groups = snapshot.groups.slice(first, last + 1)
  const segments = around(separated(groups, separator))
  const { crc, bytes } = concatenate(segments)
  const member = gzipMember(segments, { crc, bytes })
  const gzipBytes = member.reduce((sum, buffer) => sum + buffer.length, 0)
  const buffers = gzipBytes <= joinedBytes ? [Buffer.concat(member)] : member
  const chunkSegments = () => {
    const slots = slotsOfPart(part, snapshot.chunks.length)
    return around(separated(snapshot.chunks.slice(slots.first, slots.last + 1), separator))
  }
  const isSmall = snapshot.groups.reduce((sum, group) => sum + group.bytes, 0) <= smallBytes
  let inflated: Promise<Buffer[]> | undefined
  return {
    contentType,
    version: snapshot.version,
    build: snapshot.build,
    modifiedAt: snapshot.modifiedAt,
    items: groups.reduce((sum, { items }) => sum + items, 0),
    bytes,
    tag: `${snapshot.build}-${crc.toString(16)}-${bytes.toString(16)}`,
    gzip: { buffers, bytes: gzipBytes },
    text: () => inflateAll(chunkSegments()),
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
