/** Slots: how many a feed has, which hashes each holds, and which of them make a part. */

/** An id's hash is less than this. */
export const hashCount = 16_384
const minSlots = 64
const itemsPerSlot = 128
/** An edit renders, stores and loads a slot whole, so slots of long items hold fewer of them. */
const bytesPerSlot = 65_536

/** Powers of two up to the smallest number of slots, so that a part is always whole slots. */
export const partCounts = [1, 2, 4, 8, 16, 32, 64] as const
export const maxParts = 64

/** Both ends inclusive. */
export type HashRange = { first: number; last: number }

/** A power of two between 64 and 16384; `bytes` are those of the items as JSON. */
export function slotsFor(items: number, bytes: number): number {
  const share = Math.max(1, items / itemsPerSlot, bytes / bytesPerSlot)
  return Math.min(hashCount, Math.max(minSlots, 2 ** Math.ceil(Math.log2(share))))
}

/** Like a hash table: grow at once, shrink only when far too large. By bytes, which are an estimate at first, less eagerly. */
export function outgrown(slots: number, items: number, bytes: number): boolean {
  const isTooFew = slotsFor(items, 0) > slots || slotsFor(0, bytes) > slots * 2
  return isTooFew || slotsFor(items, bytes) * 4 <= slots
}

export const slotOfHash = (hash: number, slots: number) => Math.floor((hash * slots) / hashCount)

/** The hashes of some slots, sorted, with adjacent ranges merged. */
export function hashRanges(sortedSlots: readonly number[], slots: number): HashRange[] {
  const width = hashCount / slots
  const ranges: HashRange[] = []
  for (const slot of sortedSlots) {
    const previous = ranges.at(-1)
    if (previous?.last === slot * width - 1) previous.last += width
    else ranges.push({ first: slot * width, last: (slot + 1) * width - 1 })
  }
  return ranges
}

/** One of `of` equal shares of a feed; `number` counts from 1. */
export type Part = { number: number; of: number }

export function slotsOfPart({ number, of }: Part, slots: number): { first: number; last: number } {
  const share = slots / of
  return { first: (number - 1) * share, last: number * share - 1 }
}
