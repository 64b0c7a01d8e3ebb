/** Chunks as they are loaded: with the pieces of their lists, which are stored apart, put in their places. */
import type { Checksum, ChunkLists } from '../db/schema/feeds.ts'
import { keyOf } from './chunk.ts'
import type { DeflateSegment } from './deflate.ts'
import { concatenate } from './gzip-member.ts'
import { comma } from './id-lists.ts'

export type ChunkRow = DeflateSegment & { slot: number; items: number; lists: ChunkLists | null }
export type PieceRow = DeflateSegment & { slot: number; item: string; first: string }

export type LoadedChunk = DeflateSegment & {
  items: number
  /** Views of the body, by key; undefined without long lists. */
  pieces?: Map<string, DeflateSegment>
}

/** Undefined when a piece is missing: not among those that were loaded, nor in the chunk as it was. */
export function joinPieces(
  { body, crc, bytes, items, lists }: ChunkRow,
  loaded: readonly PieceRow[],
  previous: LoadedChunk | undefined,
): LoadedChunk | undefined {
  if (!lists) return { body, crc, bytes, items }
  const known = new Map(previous?.pieces)
  for (const piece of loaded) known.set(keyOf(piece), piece)
  const parts = partsOf(body, lists)
  if (!parts.every(({ key, ...wanted }) => key === undefined || isThere(known.get(key), wanted)))
    return undefined
  if (!isThere(concatenate(parts), { crc, bytes })) return undefined
  const buffers = parts.map(({ key, body: own }) => known.get(key ?? '')?.body ?? own)
  const joined = Buffer.concat(buffers)
  // Views, so that nothing of the chunk as it was is kept.
  const pieces = new Map<string, DeflateSegment>()
  let at = 0
  for (const [index, { key, crc: own, bytes: length }] of parts.entries()) {
    const end = at + (buffers[index]?.length ?? 0)
    if (key !== undefined)
      pieces.set(key, { body: joined.subarray(at, end), crc: own, bytes: length })
    at = end
  }
  return { body: joined, crc, bytes, items, pieces }
}

/** What has to be unpacked to check it: what was loaded, or all at once where that is most of it. */
export function segmentsToCheck(
  joined: LoadedChunk,
  { body, lists }: ChunkRow,
  loaded: readonly PieceRow[],
): DeflateSegment[] {
  const isMost = loaded.length * 2 > (joined.pieces?.size ?? 0)
  return lists && !isMost ? [{ body, ...concatenate(lists.frames) }, ...loaded] : [joined]
}

const isThere = (piece: Checksum | undefined, wanted: Checksum) =>
  piece?.crc === wanted.crc && piece.bytes === wanted.bytes

/** With `key` when it is a piece, whose body is elsewhere. */
type Part = DeflateSegment & { key?: string }
const empty = Buffer.alloc(0)

function partsOf(body: Buffer, { frames, lists }: ChunkLists): Part[] {
  const parts: Part[] = []
  let at = 0
  for (const [index, { size, ...frame }] of frames.entries()) {
    parts.push({ ...frame, body: body.subarray(at, at + size) })
    at += size
    const { item = '', pieces = [] } = lists[index] ?? {}
    for (const [place, { first, ...piece }] of pieces.entries()) {
      if (place > 0) parts.push(comma)
      parts.push({ ...piece, body: empty, key: keyOf({ item, first }) })
    }
  }
  return parts
}
