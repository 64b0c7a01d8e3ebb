/** In charge of slots: how many a feed has, which hashes each holds, which of them make a part. */

/** An id's hash is less than this. */
export const hashes = 16_384
const minSlots = 64
const itemsPerSlot = 128

/** Parts are powers of two up to the least number of slots, so a part is always whole slots. */
export const partCounts = [1, 2, 4, 8, 16, 32, 64] as const

/** From one hash to another, both inclusive. */
export type HashRange = { first: number; last: number }

/** A power of two between 64 and 16384. */
export function slotsFor(items: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, items / itemsPerSlot)))
  return Math.min(hashes, Math.max(minSlots, wanted))
}

/** As a hash table does: at once when it is too full, and only when it is far too empty. */
export function outgrown(slots: number, items: number): boolean {
  const wanted = slotsFor(items)
  return wanted > slots || wanted * 4 <= slots
}

export const slotOfHash = (hash: number, slots: number) => Math.floor((hash * slots) / hashes)

/** The hashes of some slots, sorted, neighbours joined. */
export function hashRanges(sortedSlots: readonly number[], slots: number): HashRange[] {
  const width = hashes / slots
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
