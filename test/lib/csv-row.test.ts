import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatRow, parseRows } from '../../src/lib/csv-row.ts'

test('rows are read as they were written', () => {
  const cell = fc.oneof(fc.string(), fc.stringMatching(/^[",\n\r a]{0,12}$/))
  const rows = fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { maxLength: 5 })
  fc.assert(
    fc.property(rows, (written) => {
      expect([...parseRows(written.map(formatRow).join(''))]).toEqual(written)
    }),
  )
})

test('a cell of a million quotes is read', () => {
  const cell = '"'.repeat(1_000_000)
  expect([...parseRows(formatRow(['a', cell]))]).toEqual([['a', cell]])
})
