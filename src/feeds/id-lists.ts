/**
 * Long lists of ids are rendered in pieces, so that a link that changes renders one of them. Where a list is cut follows from
 * its ids alone, so the pieces of a list are the same whatever its history.
 */
import type { Checksum, ListPiece, StoredList } from '../db/schema/feeds.ts'
import { shortSegment } from './deflate.ts'
import { concatenate } from './gzip-member.ts'

/** Whether a list is cut. */
export const isLong = (jsonBytes: number, pieceBytes: number) => jsonBytes > 2 * pieceBytes

/** What stands between two pieces. */
export const comma = shortSegment(',')

/** Of the whole text. */
export function checksumOfLists({
  frames,
  lists,
}: {
  frames: readonly Checksum[]
  lists: readonly StoredList[]
}): Checksum {
  return concatenate(
    frames.flatMap((frame, index) => [
      frame,
      ...(lists[index]?.pieces.flatMap((piece, at) => (at === 0 ? [piece] : [comma, piece])) ?? []),
    ]),
  )
}

export type CutIds = { first: string; ids: string }

const commaCode = 44
const fnvOffset = 0x811c9dc5
const fnvPrime = 0x01000193

/** Never empty pieces. `ids` are comma-joined and not empty. */
export function cutList(ids: string, pieceBytes: number): CutIds[] {
  const pieces: CutIds[] = []
  let piece = { first: '', start: 0 }
  let start = 0
  let hash = fnvOffset
  for (let at = 0; at <= ids.length; at++) {
    const code = at < ids.length ? ids.charCodeAt(at) : commaCode
    if (code !== commaCode) {
      hash = Math.imul(hash ^ code, fnvPrime)
      continue
    }
    if (isCut(hash, at - start + 1, pieceBytes)) {
      if (start > piece.start)
        pieces.push({ first: piece.first, ids: ids.slice(piece.start, start - 1) })
      piece = { first: ids.slice(start, at), start }
    }
    start = at + 1
    hash = fnvOffset
  }
  pieces.push({ first: piece.first, ids: ids.slice(piece.start) })
  return pieces
}

/** Before one id in so many that pieces have about `pieceBytes`, however long the ids are. */
function isCut(fnv: number, length: number, pieceBytes: number): boolean {
  let mixed = Math.imul(fnv ^ (fnv >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) * pieceBytes < 2 ** 32 * length
}

/** Ids from `first` to before `until`, or to the end; `from` and `to` are the pieces in it, `to` exclusive. */
export type ListRange = { first: string; until: string | undefined; from: number; to: number }

/**
 * What has to be read again when these ids came or went: the piece of each, and the one before when it begins with that
 * id. So each range begins with an id that is still there, or at the beginning.
 */
export function touchedRanges(pieces: readonly ListPiece[], ids: readonly string[]): ListRange[] {
  const bounds = pieces.map(({ first }) => first)
  const offset = bounds[0] === '' ? 0 : 1
  if (offset === 1) bounds.unshift('')
  const touched = new Set<number>()
  for (const id of ids) {
    const place = lastAtMost(bounds, id)
    touched.add(place)
    if (bounds[place] === id) touched.add(place - 1)
  }
  const ranges: (ListRange & { last: number })[] = []
  for (const place of [...touched].sort((a, b) => a - b)) {
    const previous = ranges.at(-1)
    const range = previous?.last === place - 1 ? previous : undefined
    const end = { last: place, until: bounds[place + 1], to: place + 1 - offset }
    if (range) Object.assign(range, end)
    else ranges.push({ first: bounds[place] ?? '', from: Math.max(0, place - offset), ...end })
  }
  return ranges.map(({ last: _, ...range }) => range)
}

/** `bounds` are sorted and begin with ''. */
function lastAtMost(bounds: readonly string[], id: string): number {
  let [low, high] = [0, bounds.length]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (compareIds(bounds[middle] ?? '', id) <= 0) low = middle
    else high = middle
  }
  return low
}

/** By code point, as Postgres orders ids; JavaScript compares code units. */
export const compareIds = (one: string, other: string) =>
  Buffer.compare(Buffer.from(one), Buffer.from(other))
