/** The items of stored chunks as their text stands in a file. */
import { inArray, sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import {
  type ChunkLists,
  type FeedFormat,
  type FeedName,
  feedChunks,
  feedLists,
} from '../db/schema/feeds.ts'
import { AppError } from '../lib/errors.ts'
import type { DeflateSegment } from './deflate.ts'
import { formatters } from './formatters.ts'
import { concatenate, unpack } from './gzip-member.ts'
import { listFields } from './item-rows.ts'

export type StoredSlot = {
  format: FeedFormat
  slot: number
  /** The newest version in which something of the slot was rendered. */
  version: number
  /** In the order of the file. Long lists of ids are stored apart: in their place the items have empty ones. */
  items: string[]
}

type ChunkRow = DeflateSegment & Omit<StoredSlot, 'items'> & { lists: ChunkLists | null }

/** No value holds a line end as it is in JSON, nor one before a tag in XML, where values are trimmed and `<` is escaped. */
const separators: Record<FeedFormat, RegExp> = { json: /,\n/, xml: /\n(?=<)/ }

export const splitItems = (format: FeedFormat, text: string): string[] =>
  text === '' ? [] : text.split(separators[format])

/** In the order of slots. The items of a slot have the same order in both formats. */
export async function readStoredSlots(
  db: Queryable,
  feed: FeedName,
  formats: readonly FeedFormat[],
  slots: readonly number[],
): Promise<StoredSlot[]> {
  const rows = await db.execute<ChunkRow>(sql`
    select c.format, c.slot, c.body, c.crc::float8 as crc, c.bytes, c.lists,
      greatest(c.version, (select max(l.version) from ${feedLists} l
        where l.feed = c.feed and l.format = c.format and l.slot = c.slot))::float8 as version
    from ${feedChunks} c
    where c.feed = ${feed} and ${inArray(sql`c.format`, [...formats])} and c.slot = any(${sql.param(slots)}::smallint[])
    order by c.slot`)
  return Promise.all(
    rows.map(async ({ format, slot, version, lists, ...chunk }) => {
      // A body with long lists holds only what is around them.
      const text = await textOf(lists ? { ...chunk, ...concatenate(lists.frames) } : chunk)
      return { format, slot, version, items: splitItems(format, text) }
    }),
  )
}

/** The item as the file has it, with its long list in its place. */
export async function completeItem(
  db: Queryable,
  feed: FeedName,
  { format, slot }: StoredSlot,
  { id, item }: { id: string; item: string },
): Promise<string> {
  const pieces = await db.execute<DeflateSegment>(sql`
    select body, crc::float8 as crc, bytes from ${feedLists}
    where feed = ${feed} and format = ${format} and slot = ${slot} and item = ${id} order by first collate "C"`)
  if (pieces.length === 0) return item
  const [before, after] = formatters[feed][format].around(listFields[feed])
  const at = item.indexOf(before + after) + before.length
  const list: string[] = []
  for (const piece of pieces) list.push(await textOf(piece))
  return item.slice(0, at) + list.join(',') + item.slice(at)
}

async function textOf(segment: DeflateSegment): Promise<string> {
  const text = await unpack(segment)
  if (text) return text.toString()
  throw new AppError(
    'unavailable',
    'A part of the stored feed is damaged; the next poll renders it again. Try again then.',
  )
}

const idAtStart = /^\{"\$id":("(?:[^"\\]|\\.)*")/

/** Of an item in JSON, without reading what else it holds. */
export function idOf(item: string): string {
  const [, id] = idAtStart.exec(item) ?? []
  return String(id === undefined ? JSON.parse(item).$id : JSON.parse(id))
}
