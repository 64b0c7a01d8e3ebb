import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  checksumOfLists,
  compareIds,
  cutList,
  type ListRange,
  touchedRanges,
} from '../../src/feeds/id-lists.ts'

/** Few, so that those that come and go meet; some sort otherwise by code unit than by code point. */
const anyId = fc.oneof(
  fc.nat(400).map((n) => `p${n}`),
  fc.nat(40).map((n) => `a much longer id without a comma ${n}`),
  fc.constantFrom('ü', '\uffee', '\u{1f600}', '\u{10ffff}', '"&<>\\', '   x', '0'),
)
const anyIds = fc.uniqueArray(anyId, { minLength: 1, maxLength: 300 })
const sorted = (ids: Iterable<string>) => [...ids].sort(compareIds)
const pieceBytes = 60
const cut = (ids: Iterable<string>) => cutList(sorted(ids).join(), pieceBytes)
const withSums = (pieces: ReturnType<typeof cutList>) =>
  pieces.map((piece) => ({ ...piece, crc: 0, bytes: piece.ids.length }))

test('the pieces of a list are its ids in their order, none is empty, and each begins with its first id', () => {
  fc.assert(
    fc.property(anyIds, (ids) => {
      const pieces = cut(ids)
      expect(pieces.map((piece) => piece.ids).join()).toBe(sorted(ids).join())
      for (const [index, { first, ids: own }] of pieces.entries()) {
        expect(own).not.toBe('')
        if (index > 0) expect(own.split(',')[0]).toBe(first)
        else expect(['', own.split(',')[0]]).toContain(first)
      }
    }),
  )
})

test('a list is cut into pieces of about the wanted size, however long its ids', () => {
  for (const length of [3, 10, 100]) {
    const ids = Array.from({ length: 100_000 / length }, (_, n) => `${n}`.padStart(length, '0'))
    for (const bytes of [1_000, 10_000]) {
      const { length: count } = cutList(ids.join(), bytes)
      const total = ids.length * (length + 1)
      expect(count).toBeGreaterThan(total / bytes / 3)
      expect(count).toBeLessThan((total / bytes) * 3)
    }
  }
})

/** Those that were there are gone, the others have come. */
const exchanged = (before: string[], changed: string[]) =>
  sorted([...before, ...changed].filter((id) => !(before.includes(id) && changed.includes(id))))

const isIn =
  ({ first, until }: ListRange) =>
  (id: string) =>
    compareIds(first, id) <= 0 && (until === undefined || compareIds(id, until) < 0)

test('when ids come and go, cutting again only what they touch gives the pieces of the whole list', () => {
  fc.assert(
    fc.property(anyIds, fc.uniqueArray(anyId, { maxLength: 30 }), (before, changed) => {
      const pieces = withSums(cut(before))
      const after = exchanged(before, changed)
      fc.pre(after.length > 0)
      const ranges = touchedRanges(pieces, changed)
      for (const range of [...ranges].reverse()) {
        const ids = after.filter(isIn(range))
        const again = ids.length === 0 ? [] : cut(ids)
        if (range.first !== '') expect(again[0]?.first).toBe(range.first)
        pieces.splice(range.from, range.to - range.from, ...withSums(again))
      }
      expect(pieces).toEqual(withSums(cut(after)))
      expect(ranges.length).toBeLessThanOrEqual(changed.length)
    }),
    { numRuns: 500 },
  )
})

test('an id touches its own piece, and the one before when it begins a piece', () => {
  const pieces = ['', 'c', 'f'].map((first) => ({ first, crc: 0, bytes: 1 }))
  expect(touchedRanges(pieces, ['d'])).toEqual([{ first: 'c', until: 'f', from: 1, to: 2 }])
  expect(touchedRanges(pieces, ['f'])).toEqual([{ first: 'c', until: undefined, from: 1, to: 3 }])
  expect(touchedRanges(pieces.slice(1), ['a'])).toEqual([{ first: '', until: 'c', from: 0, to: 0 }])
  expect(touchedRanges(pieces, ['a', 'g'])).toEqual([
    { first: '', until: 'c', from: 0, to: 1 },
    { first: 'f', until: undefined, from: 2, to: 3 },
  ])
})

test('the checksum of a text with lists is that of its frames, pieces and commas', () => {
  const one = { crc: 1, bytes: 10 }
  const piece = { ...one, first: '' }
  const lists = [{ item: 's', pieces: [piece, piece] }]
  expect(checksumOfLists({ frames: [one, one], lists }).bytes).toBe(41)
})
