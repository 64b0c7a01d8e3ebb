import { expect, test } from 'vitest'
import { advisedParts } from '../../src/feeds/feed-status.ts'

const slots = (count: number, bytes: number) => Array.from({ length: count }, () => bytes)

test.each([
  ['no slots yet', [], 1],
  ['50 MB', slots(64, 781_250), 1],
  ['a byte over 50 MB', [...slots(63, 781_250), 781_251], 2],
  ['100 MB', slots(128, 781_250), 2],
  ['101 MB', slots(128, 789_063), 4],
  ['600 MB', slots(4096, 146_485), 16],
  ['101 MB of which most is in one part', [...slots(64, 10), ...slots(64, 1_562_500)], 4],
  ['more than 64 parts can take', slots(64, 60_000_000), 64],
])('%s', (_, bytes, parts) => {
  expect(advisedParts(bytes)).toBe(parts)
})
