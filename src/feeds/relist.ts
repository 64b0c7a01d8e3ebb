/** Renders again only those pieces of long lists in which a link changed. */
import type { Queryable } from '../db/connection.ts'
import { type FeedName, feedFormats, type ListPiece } from '../db/schema/feeds.ts'
import { groupBy } from '../lib/group-by.ts'
import {
  type ChangedChunk,
  type ChunkChecksum,
  formatPiece,
  isSame,
  type PieceText,
  withoutTexts,
  withPieces,
} from './chunk.ts'
import { type DeflatePiece, deflateOnce } from './deflate.ts'
import { formatters } from './formatters.ts'
import {
  type CutIds,
  checksumOfLists,
  cutList,
  isLong,
  type ListRange,
  touchedRanges,
} from './id-lists.ts'
import { text } from './item.ts'
import { readIds } from './item-rows.ts'
import type { ChangedLink } from './pending-changes.ts'
import { slotOfHash } from './slots.ts'

/** At once; two pieces each at most, as a rule. */
const rangesPerQuery = 128

type Relisting = {
  feed: FeedName
  slots: number
  links: ChangedLink[]
  /** The checksums of their slots' chunks. */
  stored: ChunkChecksum[]
  pieceBytes: number
}

/** The chunks that change; `others` are slots that have to be rendered whole, because an item's list is not, or no longer, a long one. */
export async function relist(
  tx: Queryable,
  { feed, slots, links, stored, pieceBytes }: Relisting,
): Promise<{ chunks: ChangedChunk[]; others: Set<number> }> {
  const chunks: ChangedChunk[] = []
  const others = new Set<number>()
  const bySlot = groupBy(stored, ({ slot }) => slot)
  const stale = [...groupBy(links, ({ hash }) => slotOfHash(hash, slots))].flatMap(
    ([slot, own]) => {
      const lists = listsToRead(bySlot.get(slot) ?? [], own)
      if (!lists) others.add(slot)
      return (lists ?? []).map((list) => ({ ...list, slot }))
    },
  )
  const readings = await readRanges(tx, feed, stale)
  for (const [slot, changes] of groupBy(readings, (one) => one.slot)) {
    const cut = changes.map((change) => ({ ...change, cut: cutRange(change, pieceBytes) }))
    const own = bySlot.get(slot) ?? []
    const deflate = deflateOnce()
    const changed = await Promise.all(
      own.map((chunk) => changeLists(feed, chunk, cut, pieceBytes, deflate)),
    )
    if (changed.includes('whole')) others.add(slot)
    else chunks.push(...changed.filter((one) => one !== 'same' && one !== 'whole'))
  }
  return { chunks, others }
}

type StaleRange = { item: string; range: ListRange }

/** Undefined when the slot has not all of these lists, in both formats. */
function listsToRead(chunks: ChunkChecksum[], links: ChangedLink[]): StaleRange[] | undefined {
  if (chunks.length < feedFormats.length || chunks.some(({ bytes }) => bytes < 0)) return undefined
  const stale: StaleRange[] = []
  for (const [item, own] of groupBy(links, (link) => link.item)) {
    const [list, ...more] = chunks.map(({ lists }) => lists?.lists.find((one) => one.item === item))
    if (!list || more.some((other) => firstsOf(other) !== firstsOf(list))) return undefined
    const ranges = touchedRanges(
      list.pieces,
      own.map(({ id }) => id),
    )
    stale.push(...ranges.map((range) => ({ item, range })))
  }
  return stale
}

const firstsOf = (list: { pieces: ListPiece[] } | undefined) =>
  list?.pieces.map(({ first }) => first).join()

async function readRanges<Range extends StaleRange>(
  tx: Queryable,
  feed: FeedName,
  ranges: Range[],
): Promise<(Range & { ids: string | null })[]> {
  const read: (Range & { ids: string | null })[] = []
  for (let from = 0; from < ranges.length; from += rangesPerQuery) {
    const some = ranges.slice(from, from + rangesPerQuery)
    const wanted = some.map(({ item, range: { first, until } }) => ({ item, first, until }))
    const ids = await readIds(tx, feed, wanted)
    read.push(...some.map((one, index) => ({ ...one, ids: ids[index] ?? null })))
  }
  return read
}

type CutRange = StaleRange & { cut: CutIds[] }

const cutRange = ({ ids }: { ids: string | null }, pieceBytes: number): CutIds[] =>
  ids === null ? [] : cutList(text(ids), pieceBytes)

async function changeLists(
  feed: FeedName,
  chunk: ChunkChecksum,
  changes: CutRange[],
  pieceBytes: number,
  deflate: DeflatePiece,
): Promise<ChangedChunk | 'same' | 'whole'> {
  const formatter = formatters[feed][chunk.format]
  if (!chunk.lists || changes.some(isUnexpected)) return 'whole'
  const byItem = groupBy(changes, ({ item }) => item)
  const lists = chunk.lists.lists.map(({ item, pieces }) => {
    const next: (ListPiece | PieceText)[] = [...pieces]
    // From the end, so that places stay.
    for (const { range, cut } of (byItem.get(item) ?? []).reverse())
      next.splice(
        range.from,
        range.to - range.from,
        ...cut.map((one) => formatPiece(formatter, one)),
      )
    return { item, pieces: next }
  })
  const sums = { frames: chunk.lists.frames, lists: lists.map(withoutTexts) }
  const isShort = ({ pieces }: { pieces: ListPiece[] }) => !isLong(bytesOf(pieces), pieceBytes)
  if (chunk.format === 'json' && sums.lists.some(isShort)) return 'whole'
  const next = { ...chunk, ...checksumOfLists(sums), lists: sums }
  return isSame(chunk, { ...next, lists: sums.lists })
    ? 'same'
    : withPieces(next, lists, chunk, deflate)
}

/** With the commas between them. */
const bytesOf = (pieces: ListPiece[]) => pieces.reduce((sum, { bytes }) => sum + bytes + 1, -1)

/** A piece begins with the same id as before: the ranges were chosen so. */
const isUnexpected = ({ range, cut }: CutRange) =>
  range.first !== '' && cut[0]?.first !== range.first
