import fc from 'fast-check'
import { expect, test } from 'vitest'
import { money, signedMoney } from '../../src/lib/fields.ts'

const cents = fc.integer({ min: 0, max: 10_000_000 })

test('any sum of cent prices as doubles is accepted as the exact sum', () => {
  fc.assert(
    fc.property(fc.array(cents, { maxLength: 500 }), (prices) => {
      const sum = prices.reduce((total, price) => total + price / 100, 0)
      const exact = prices.reduce((total, price) => total + price, 0) / 100
      expect(money.parse(sum)).toBe(exact)
      expect(signedMoney.parse(-sum)).toBe(exact === 0 ? 0 : -exact)
    }),
  )
})

test('a true fifth decimal is rejected', () => {
  const fifth = fc.integer({ min: 1, max: 9 })
  fc.assert(
    fc.property(cents, fifth, (price, digit) => {
      expect(money.safeParse(Number(`${Math.floor(price / 100)}.1234${digit}`)).success).toBe(false)
    }),
  )
})

test.each([
  [59.970000000000006, 59.97],
  [0.30000000000000004, 0.3],
  [0.1 + 0.2 - 0.3, 0],
  [19.9, 19.9],
  [0.0001, 0.0001],
])('%d is %d', (given, kept) => {
  expect(money.parse(given)).toBe(kept)
})
