/** The chunks of a feed put together in groups, so that a response costs little however many chunks there are. */
import { ownTurn } from '../lib/turn.ts'
import { type DeflateSegment, shortSegment } from './deflate.ts'
import { concatenate } from './gzip-member.ts'
import { maxParts, slotsOfPart } from './slots.ts'
import type { LoadedChunk } from './stored-chunk.ts'

/** As many as the smallest part needs: each part is whole groups. */
export const groupCount = maxParts

type ChunkGroup = DeflateSegment & { items: number }

export type GroupedChunks = {
  /** One for every slot. Their bodies are views of those of the groups. */
  chunks: LoadedChunk[]
  groups: ChunkGroup[]
  /** What stands between two chunks, and between two groups. */
  separator: string
}

/** Groups of which no chunk changed stay as they are; requests have their turn between any two others. */
export async function groupChunks(
  chunks: LoadedChunk[],
  separator: string,
  previous: GroupedChunks | undefined,
): Promise<GroupedChunks> {
  const isComparable = previous?.separator === separator && previous.chunks.length === chunks.length
  const grouped: GroupedChunks = { chunks: [], groups: [], separator }
  for (let number = 1; number <= groupCount; number++) {
    const { first, last } = slotsOfPart({ number, of: groupCount }, chunks.length)
    const own = chunks.slice(first, last + 1)
    const known = isComparable ? previous.groups[number - 1] : undefined
    const isSame = own.every((chunk, index) => chunk === previous?.chunks[first + index])
    if (!known || !isSame) await ownTurn()
    const { group, views } = known && isSame ? { group: known, views: own } : join(own, separator)
    grouped.groups.push(group)
    grouped.chunks.push(...views)
  }
  return grouped
}

/** Those that hold items, with the separator between them. */
export function separated<Segment extends DeflateSegment & { items: number }>(
  segments: readonly Segment[],
  separator: string,
): DeflateSegment[] {
  const between = shortSegment(separator)
  return segments
    .filter(({ items }) => items > 0)
    .flatMap((segment, index) => (index === 0 ? [segment] : [between, segment]))
}

function join(
  chunks: LoadedChunk[],
  separator: string,
): { group: ChunkGroup; views: LoadedChunk[] } {
  const segments = separated(chunks, separator)
  const body = Buffer.concat(segments.map((segment) => segment.body))
  const places = new Map<DeflateSegment, number>()
  let at = 0
  for (const segment of segments) {
    places.set(segment, at)
    at += segment.body.length
  }
  const items = chunks.reduce((sum, chunk) => sum + chunk.items, 0)
  const views = chunks.map((chunk) => {
    const place = places.get(chunk)
    return place === undefined ? chunk : moved(chunk, body.subarray(place))
  })
  return { group: { body, items, ...concatenate(segments) }, views }
}

/** The same chunk, whose body is at the beginning of `buffer`. */
function moved(chunk: LoadedChunk, buffer: Buffer): LoadedChunk {
  const body = buffer.subarray(0, chunk.body.length)
  if (!chunk.pieces) return { ...chunk, body }
  const pieces = new Map<string, DeflateSegment>()
  for (const [key, piece] of chunk.pieces) {
    const at = piece.body.byteOffset - chunk.body.byteOffset
    pieces.set(key, { ...piece, body: body.subarray(at, at + piece.body.length) })
  }
  return { ...chunk, body, pieces }
}
