/** Renders the items of a slot: their text in both formats, long lists of ids in pieces of their own. */
import { crc32 } from 'node:zlib'
import {
  type ChunkLists,
  type FeedFormat,
  type FeedName,
  feedFormats,
  type ListPiece,
} from '../db/schema/feeds.ts'
import { type DeflatePiece, type DeflateSegment, deflateOnce, deflateText } from './deflate.ts'
import { type Formatter, formatters } from './formatters.ts'
import { type CutIds, checksumOfLists, cutList, isLong } from './id-lists.ts'
import type { Item } from './item.ts'
import { type HashedItem, listFields } from './item-rows.ts'

/** An item that did not change, as the stored chunks have it. */
export type KeptItem = { hash: number; id: string; texts: Record<FeedFormat, string> }
export type SlotItem = HashedItem | KeptItem

/** Distinguishes a chunk from another of the same slot without its texts; `crc` and `bytes` are those of the whole text. */
export type ChunkChecksum = {
  format: FeedFormat
  slot: number
  items: number
  crc: number
  bytes: number
  lists: ChunkLists | null
}

export type PieceKey = { item: string; first: string }

/** What changed of a chunk. */
export type ChangedChunk = ChunkChecksum & {
  /** Undefined when only its lists changed. */
  body?: Buffer
  pieces: (PieceKey & DeflateSegment)[]
  /** Pieces that it had before; null when these are unknown. */
  gone: PieceKey[] | null
}

/** The chunks of one slot in both formats, without those that are as stored; `bytes` are those of its items as JSON. */
export async function renderSlot(
  { feed, slot, pieceBytes }: { feed: FeedName; slot: number; pieceBytes: number },
  items: SlotItem[],
  stored: (format: FeedFormat, slot: number) => ChunkChecksum | undefined,
): Promise<{ chunks: ChangedChunk[]; bytes: number }> {
  const cut = items.map((one) => ('texts' in one ? one : cutItem(feed, one, pieceBytes)))
  const deflate = deflateOnce()
  const rendered = await Promise.all(
    feedFormats.map((format) => {
      const place = { format, slot, items: items.length }
      const formatted = formatItems(feed, format, cut)
      return changeOf(place, formatted, stored(format, slot), deflate)
    }),
  )
  return {
    chunks: rendered.flatMap(({ chunk }) => chunk ?? []),
    bytes: rendered.reduce((sum, { json }) => sum + json, 0),
  }
}

type CutItem = { id: string; item: Item; cut?: CutIds[] }

/** The list is taken out of an item that has a long one. */
function cutItem(feed: FeedName, { id, item }: HashedItem, pieceBytes: number): CutItem {
  const ids = item[listFields[feed]]
  // No character takes more than six bytes.
  if (typeof ids !== 'string' || !isLong(ids.length * 6, pieceBytes)) return { id, item }
  if (!isLong(Buffer.byteLength(formatters[feed].json.text(ids)), pieceBytes)) return { id, item }
  return { id, item: { ...item, [listFields[feed]]: '' }, cut: cutList(ids, pieceBytes) }
}

/** A piece as text, before it is stored. */
export type PieceText = ListPiece & { text: Buffer }
type FormattedSlot = { frames: Buffer[]; lists: { item: string; pieces: PieceText[] }[] }

function formatItems(
  feed: FeedName,
  format: FeedFormat,
  items: (CutItem | KeptItem)[],
): FormattedSlot {
  const formatter = formatters[feed][format]
  const [before, after] = formatter.around(listFields[feed])
  const frames: Buffer[] = []
  const lists: FormattedSlot['lists'] = []
  let frame = ''
  for (const [index, one] of items.entries()) {
    if (index > 0) frame += formatter.separator
    if ('texts' in one) {
      frame += one.texts[format]
      continue
    }
    const { id, item, cut } = one
    const text = formatter.item(item)
    if (cut) {
      const at = text.indexOf(before + after) + before.length
      frames.push(Buffer.from(frame + text.slice(0, at)))
      frame = text.slice(at)
      lists.push({ item: id, pieces: cut.map((piece) => formatPiece(formatter, piece)) })
    } else frame += text
  }
  frames.push(Buffer.from(frame))
  return { frames, lists }
}

export function formatPiece({ text: format }: Formatter, { first, ids }: CutIds): PieceText {
  const text = Buffer.from(format(ids))
  return { first, text, ...checksumOf(text) }
}

const checksumOf = (text: Buffer) => ({ crc: crc32(text), bytes: text.length })

type Place = Pick<ChunkChecksum, 'format' | 'slot' | 'items'>

/** `chunk` is undefined when nothing changed; `json` are the bytes, if it is that format. */
async function changeOf(
  place: Place,
  { frames, lists }: FormattedSlot,
  known: ChunkChecksum | undefined,
  deflate: DeflatePiece,
): Promise<{ chunk?: ChangedChunk; json: number }> {
  const sums = { frames: frames.map(checksumOf), lists: lists.map(withoutTexts) }
  const whole = checksumOfLists(sums)
  const json = place.format === 'json' ? whole.bytes : 0
  if (known && isSame(known, { ...whole, lists: sums.lists })) return { json }
  const bodies: Buffer[] = []
  for (const frame of frames) bodies.push(await deflateText(frame))
  const sized = sums.frames.map((sum, index) => ({ ...sum, size: bodies[index]?.length ?? 0 }))
  const chunk: ChunkChecksum = {
    ...place,
    ...whole,
    lists: lists.length === 0 ? null : { frames: sized, lists: sums.lists },
  }
  return {
    chunk: { ...(await withPieces(chunk, lists, known, deflate)), body: Buffer.concat(bodies) },
    json,
  }
}

type TextList = { item: string; pieces: (ListPiece | PieceText)[] }

export const withoutTexts = ({ item, pieces }: TextList) => ({
  item,
  pieces: pieces.map(({ first, crc, bytes }) => ({ first, crc, bytes })),
})

/** Whether a stored chunk has this text, cut like this. */
export const isSame = (
  known: ChunkChecksum,
  { crc, bytes, lists }: Pick<ChunkChecksum, 'crc' | 'bytes'> & Pick<ChunkLists, 'lists'>,
) =>
  known.crc === crc &&
  known.bytes === bytes &&
  JSON.stringify(known.lists?.lists ?? []) === JSON.stringify(lists)

/** Deflates those pieces that come as text and are not as stored. A broken chunk is one of which nothing is known. */
export async function withPieces(
  chunk: ChunkChecksum,
  lists: TextList[],
  known: ChunkChecksum | undefined,
  deflate: DeflatePiece,
): Promise<ChangedChunk> {
  const isKnown = known !== undefined && known.bytes >= 0
  const before = new Map(isKnown ? piecesOf(known).map((piece) => [keyOf(piece), piece]) : [])
  const pieces: ChangedChunk['pieces'] = []
  for (const { item, pieces: own } of lists)
    for (const piece of own) {
      const { first, crc, bytes } = piece
      const key = keyOf({ item, first })
      const same = before.get(key)
      before.delete(key)
      if (!('text' in piece) || (same?.crc === crc && same.bytes === bytes)) continue
      pieces.push({ item, first, crc, bytes, body: await deflate(key, piece.text) })
    }
  return { ...chunk, pieces, gone: isKnown ? [...before.values()] : null }
}

const piecesOf = ({ lists }: ChunkChecksum) =>
  lists?.lists.flatMap(({ item, pieces }) => pieces.map((piece) => ({ item, ...piece }))) ?? []

export const keyOf = ({ item, first }: PieceKey) => `${item},${first}`
