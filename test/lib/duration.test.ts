import { expect, test } from 'vitest'
import { parseDuration } from '../../src/lib/duration.ts'

test.each([
  ['0s', 0],
  ['500ms', 500],
  ['3s', 3_000],
  ['30m', 1_800_000],
  ['6h', 21_600_000],
  ['90d', 7_776_000_000],
])('%s is %i milliseconds', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '3', 's', '3 s', '-3s', '1.5s', '3S', '3sec', '1h30m', '9999999999d'])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)
