import { expect, test } from 'vitest'
import { mask } from '../../src/lib/mask.ts'

test.each([
  'a'.repeat(10_000_000),
  '1'.repeat(1_000_000),
  '1 '.repeat(1_000_000),
  'key='.repeat(1_000_000),
  'pk_'.repeat(1_000_000),
  '@'.repeat(1_000_000),
  ' '.repeat(1_000_000),
])('long text is cut before any pattern sees it', (text) => {
  expect(mask(text).length).toBeLessThanOrEqual(2_001)
})

test('no half of an e-mail, key or number is left where the text is cut', () => {
  for (const secret of ['ann.lee@example.com', '+1 (617) 555-01-99', 'pk_0123456789abcdef0123'])
    for (let at = 1_970; at < 2_005; at++) {
      const masked = mask(`${'x '.repeat(at / 2)}${secret} and so on`)
      expect(masked).not.toMatch(/ann|617|pk_/)
    }
})
