/** In charge of what a poll is answered with: the pieces of a feed or of a part of it, laid end to end. */
import { type DeflateSegment, inflateSegment, uncompressedSegment } from './deflate.ts'
import type { FeedSnapshot } from './feed-snapshot.ts'
import { formatters } from './formatters.ts'
import { concatenate, gzipMember } from './gzip-member.ts'
import { type Part, slotsOfPart } from './slots.ts'

export type FeedResponse = {
  contentType: string
  version: number
  builtAt: Date
  items: number
  /** Of the text, before compression. */
  bytes: number
  /** Of the text: together with the encoding it names the representation. */
  tag: string
  /** The whole answer for `Content-Encoding: gzip`; the buffers are shared, not to be changed. */
  gzip: { buffers: Buffer[]; bytes: number }
  /** The text, piece by piece, for one reader. */
  text: () => AsyncGenerator<Buffer>
  /** The same at once for all readers, who share the buffers; undefined unless the whole feed is small. */
  unpacked: () => Promise<Buffer[] | undefined>
}

/** Of a feed's whole text, so that its parts together are not much more. */
const smallBytes = 262_144

/** Nothing is compressed again: it costs a few steps per chunk. */
export function createFeedResponse(copy: FeedSnapshot, part: Part): FeedResponse {
  const { head, separator, tail, contentType } = formatters[copy.feed][copy.format]
  const { first, last } = slotsOfPart(part, copy.chunks.length)
  const chunks = copy.chunks.slice(first, last + 1).filter((chunk) => chunk.items > 0)
  const between = uncompressedSegment(separator)
  const bodies: DeflateSegment[] = chunks.flatMap((chunk, place) =>
    place === 0 ? [chunk] : [between, chunk],
  )
  const pieces = [uncompressedSegment(head), ...bodies, uncompressedSegment(tail)]
  const { crc, bytes } = concatenate(pieces)
  const buffers = gzipMember(pieces)
  const isSmall = copy.chunks.reduce((sum, chunk) => sum + chunk.bytes, 0) <= smallBytes
  let unpacked: Promise<Buffer[]> | undefined
  return {
    contentType,
    version: copy.version,
    builtAt: copy.builtAt,
    items: chunks.reduce((sum, chunk) => sum + chunk.items, 0),
    bytes,
    tag: `${copy.version}-${crc.toString(16)}-${bytes.toString(16)}`,
    gzip: { buffers, bytes: buffers.reduce((sum, buffer) => sum + buffer.length, 0) },
    text: () => inflateAll(pieces),
    async unpacked() {
      if (!isSmall) return undefined
      unpacked ??= Promise.all(pieces.map(inflateSegment))
      return unpacked
    },
  }
}

async function* inflateAll(pieces: readonly DeflateSegment[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield inflateSegment(piece)
}
