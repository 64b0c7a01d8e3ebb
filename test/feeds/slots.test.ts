import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  hashRanges,
  outgrown,
  partCounts,
  slotOfHash,
  slotsFor,
  slotsOfPart,
} from '../../src/feeds/slots.ts'

const slotCounts = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16_384]
const anySlots = fc.constantFrom(...slotCounts)
const anyItems = fc.oneof(fc.nat(5_000), fc.nat(3_000_000))

test('a feed has a power of two of slots, of about 128 items, between 64 and 16384', () => {
  expect(
    [0, 1, 8_192, 8_193, 50_000, 262_144, 500_000, 9_000_000].map((items) => slotsFor(items, 0)),
  ).toEqual([64, 64, 64, 128, 512, 2048, 4096, 16_384])
  fc.assert(
    fc.property(anyItems, (items) => {
      expect(slotCounts).toContain(slotsFor(items, 0))
    }),
  )
})

test('slots just chosen are never outgrown, nor are they after halving; after doubling they are', () => {
  fc.assert(
    fc.property(anyItems, (items) => {
      const slots = slotsFor(items, 0)
      expect(outgrown(slots, items, 0)).toBe(false)
      expect(outgrown(slots, Math.ceil(items / 2), 0)).toBe(false)
      expect(outgrown(slots, items * 2 + 1, 0)).toBe(slots < 16_384 && items * 2 + 1 > slots * 128)
      expect(outgrown(slots, 0, 0)).toBe(slots >= 256)
    }),
  )
})

test('every hash is in exactly one slot and one part', () => {
  fc.assert(
    fc.property(anySlots, fc.constantFrom(...partCounts), fc.nat(16_383), (slots, of, hash) => {
      const slot = slotOfHash(hash, slots)
      const holding = Array.from({ length: of }, (_, place) =>
        slotsOfPart({ number: place + 1, of }, slots),
      ).filter(({ first, last }) => first <= slot && slot <= last)
      expect(holding.length).toBe(1)
      const [range] = hashRanges([slot], slots)
      expect(range && range.first <= hash && hash <= range.last).toBe(true)
    }),
  )
})

test('the ranges of some slots hold their hashes and no others, and are as few as can be', () => {
  fc.assert(
    fc.property(anySlots, fc.uniqueArray(fc.nat(16_383), { maxLength: 40 }), (slots, hashes) => {
      const touched = [...new Set(hashes.map((hash) => slotOfHash(hash, slots)))].sort(
        (a, b) => a - b,
      )
      const ranges = hashRanges(touched, slots)
      const inside = (hash: number) =>
        ranges.some(({ first, last }) => first <= hash && hash <= last)
      for (let hash = 0; hash < 16_384; hash += 7)
        expect(inside(hash)).toBe(touched.includes(slotOfHash(hash, slots)))
      for (const [place, range] of ranges.slice(1).entries())
        expect(range.first).toBeGreaterThan((ranges[place]?.last ?? 0) + 1)
    }),
  )
})

test('slots of long items hold fewer of them, about 64 kB, and are chosen again once they are twice that', () => {
  expect(slotsFor(200, 60_000_000)).toBe(1024)
  expect(slotsFor(50_000, 65_000_000)).toBe(1024)
  expect(outgrown(1024, 200, 60_000_000)).toBe(false)
  expect(outgrown(1024, 200, 130_000_000)).toBe(false)
  expect(outgrown(1024, 200, 140_000_000)).toBe(true)
  expect(outgrown(1024, 200, 1_000_000)).toBe(true)
})
