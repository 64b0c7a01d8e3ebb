/** The items of a few slots: those that changed from their rows, the others as the stored chunks have them. */
import type { Queryable } from '../db/connection.ts'
import { type FeedFormat, type FeedName, feedFormats } from '../db/schema/feeds.ts'
import { groupBy } from '../lib/group-by.ts'
import { settleBoth } from '../lib/settle-both.ts'
import type { ChunkChecksum, KeptItem, SlotItem } from './chunk.ts'
import { readChecksums, readStoredChunks, type StoredChunk } from './chunk-store.ts'
import { unpack } from './gzip-member.ts'
import { type ItemSettings, readItems, readKeys } from './item-rows.ts'
import { type HashRange, hashRanges, slotOfHash } from './slots.ts'
import { idOf, splitItems } from './stored-items.ts'

/** Beyond this many hashes, reading whole slots costs hardly more. */
const maxRanges = 64

type Wanted = { slots: number; touched: number[]; changed: ReadonlySet<number> }

/** In the order of hash and id, with the checksums of the slots' stored chunks. */
export async function readSlots(
  tx: Queryable,
  feed: FeedName,
  { slots, touched, changed }: Wanted,
  settings: ItemSettings,
): Promise<{ stored: ChunkChecksum[]; read: SlotItem[] }> {
  const ranges = hashRanges(touched, slots)
  const own = changedRanges(ranges, changed)
  if (own.length > maxRanges) {
    const [stored, read] = await settleBoth(
      readChecksums(tx, feed, touched),
      readItems[feed](tx, ranges, settings),
    )
    return { stored, read }
  }
  const [stored, [keys, fresh]] = await settleBoth(
    readStoredChunks(tx, feed, touched),
    settleBoth(readKeys(tx, feed, ranges), readItems[feed](tx, own, settings)),
  )
  const kept = await keptItems(
    stored,
    keys.filter(({ hash }) => !changed.has(hash)),
    slots,
  )
  if (!kept) return { stored, read: await readItems[feed](tx, ranges, settings) }
  const byId = new Map<string, SlotItem>([...kept, ...fresh].map((one) => [one.id, one]))
  return { stored, read: keys.flatMap(({ id }) => byId.get(id) ?? []) }
}

function changedRanges(ranges: HashRange[], changed: ReadonlySet<number>): HashRange[] {
  const hashes = [...changed].filter((hash) =>
    ranges.some(({ first, last }) => first <= hash && hash <= last),
  )
  return hashes.map((hash) => ({ first: hash, last: hash }))
}

type ItemKey = { hash: number; id: string }

/** Undefined when the stored chunks do not have all of them. */
async function keptItems(
  stored: StoredChunk[],
  keys: ItemKey[],
  slots: number,
): Promise<KeptItem[] | undefined> {
  const bySlot = new Map<number, Map<string, Texts>>()
  for (const [slot, chunks] of groupBy(stored, (chunk) => chunk.slot))
    bySlot.set(slot, await textsById(chunks))
  const kept = keys.flatMap(({ hash, id }) => {
    const texts = bySlot.get(slotOfHash(hash, slots))?.get(id)
    return texts ? [{ hash, id, texts }] : []
  })
  return kept.length === keys.length ? kept : undefined
}

type Texts = Record<FeedFormat, string>

/** Empty for chunks that are broken, hold long lists, or are not of a pair. */
async function textsById(chunks: StoredChunk[]): Promise<Map<string, Texts>> {
  const [json = [], xml = []] = await Promise.all(
    feedFormats.map(async (format) => {
      const chunk = chunks.find((one) => one.format === format && one.lists === null)
      const whole = chunk && (await unpack(chunk))
      return whole ? splitItems(format, whole.toString()) : []
    }),
  )
  if (json.length !== xml.length) return new Map()
  return new Map(json.map((item, index) => [idOf(item), { json: item, xml: xml[index] ?? '' }]))
}
