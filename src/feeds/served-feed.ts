/** In charge of what a poll is answered with: the pieces of a feed or of a part of it, laid end to end. */
import { inflatePiece, type Piece, smallPiece } from './deflate.ts'
import type { FeedCopy } from './feed-copy.ts'
import { writings } from './formats.ts'
import { gzipMember, joined } from './gzip-member.ts'
import { type Part, slotsOfPart } from './slots.ts'

export type ServedFeed = {
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
export function serveFeed(copy: FeedCopy, part: Part): ServedFeed {
  const { head, separator, tail, contentType } = writings[copy.feed][copy.format]
  const { first, last } = slotsOfPart(part, copy.chunks.length)
  const chunks = copy.chunks.slice(first, last + 1).filter((chunk) => chunk.items > 0)
  const between = smallPiece(separator)
  const bodies: Piece[] = chunks.flatMap((chunk, place) =>
    place === 0 ? [chunk] : [between, chunk],
  )
  const pieces = [smallPiece(head), ...bodies, smallPiece(tail)]
  const { crc, bytes } = joined(pieces)
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
      unpacked ??= Promise.all(pieces.map(inflatePiece))
      return unpacked
    },
  }
}

async function* inflateAll(pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield inflatePiece(piece)
}
