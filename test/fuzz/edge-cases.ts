/** Values that have broken servers before: texts, numbers, times and nesting. */
import fc from 'fast-check'
import { leaf, type Tree } from './json-tree.ts'

/** JSON allows all of them; Postgres or a schema may not. */
const edgeCaseTexts = [
  ...['', ' ', '\0', 'a\0b', '\u0001', '\u007f', '\u0085', '\u2028', '\ufeff', '\uffff', '\ufffd'],
  ...['\ud800', '\udfff', 'a\ud83d', '\ude00\ud83d', 'e\u0301', '\u00e9', '\u1e9b\u0323'],
  ...[
    '\u202eabc',
    'שלום',
    'مرحبا',
    '👨‍👩‍👧',
    '🏳️‍🌈',
    'Z\u0351\u036b\u0343',
    '\u200b',
    '\u00a0x',
    'x\n',
    '\tx',
  ],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'length'],
  ...[
    'null',
    'undefined',
    'true',
    'NaN',
    '-Infinity',
    '-1',
    '0x10',
    '1e308',
    '1e400',
    '9'.repeat(40),
  ],
  ...[
    "'; drop table products; --",
    '"',
    '\\',
    '$1',
    '%',
    '_',
    '%s%n',
    '{}',
    '{"a":1}',
    'a,b',
    '-',
    '.',
  ],
  ...[
    '../../etc/passwd',
    '%00',
    '%2F',
    '<script>alert(1)</script>',
    ']]>',
    '&amp;',
    '{{7*7}}',
    '\r\nX: y',
  ],
  ...[
    'İ',
    'ß',
    'ﬀ',
    '1111',
    'storefeed-1',
    'jo@example.org',
    'JO@EXAMPLE.ORG',
    'a@b',
    '+16175550112',
  ],
]

const edgeCaseTimes = [
  ...['0000-01-01T00:00:00Z', '0001-01-01T00:00:00+14:00', '1582-10-10T00:00:00Z'],
  ...['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59-23:59', '+275760-09-13T00:00:00Z'],
  ...['-000001-01-01T00:00:00Z', '2025-01-01T00:00:00+23:59', '2025-01-01T00:00:00-16:00'],
  ...[
    '2024-02-30T00:00:00Z',
    '2024-02-29T24:00:00Z',
    '2016-12-31T23:59:60Z',
    '2025-13-01T00:00:00Z',
  ],
  ...[
    '2025-01-01T00:00:00.123456789123456789Z',
    '2025-01-01',
    '2025-01-01T00:00:00',
    '20250101T000000Z',
  ],
  ...[
    'infinity',
    '-infinity',
    'now',
    'today',
    'epoch',
    '1990-12-31T23:59:59Z',
    '1991-01-01T00:00:00Z',
  ],
]

/** Lengths around the documented limits, in UTF-16, UTF-8 and characters. */
const longTexts = [
  32, 64, 255, 256, 320, 321, 1000, 1001, 2000, 2048, 2049, 20_001, 100_001,
].flatMap((length) => [
  'x'.repeat(length),
  ...(length > 2049 ? [] : ['€'.repeat(length), '😀'.repeat(Math.ceil(length / 2))]),
])

export const edgeCaseText: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...edgeCaseTexts) },
  { weight: 2, arbitrary: fc.constantFrom(...edgeCaseTimes) },
  { weight: 1, arbitrary: fc.constantFrom(...longTexts) },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom(...edgeCaseTexts), fc.constantFrom(...edgeCaseTexts))
      .map((two) => two.join('')),
  },
)

export const edgeCaseTime: fc.Arbitrary<string> = fc.constantFrom(...edgeCaseTimes)

/** Valid JSON numbers and invalid ones. */
const edgeCaseNumbers = [
  ...['-0', '0', '-1', '1e308', '-1e308', '1e400', '-1e400', '5e-324', '1e-400', '1E+2', '1.0'],
  ...[
    '0.00001',
    '1.00005',
    '0.1',
    '9999999999',
    '9999999999.9999',
    '10000000000',
    '1e300',
    '1.1e300',
  ],
  ...['2147483647', '2147483648', '-2147483649', '9007199254740991', '9007199254740993', '1e21'],
  ...['9223372036854775807', '9223372036854775808', `1${'0'.repeat(400)}`, `0.${'1'.repeat(400)}`],
  ...['NaN', 'Infinity', '.5', '5.', '01', '0x10', '+1', '1_000', '1n'],
]

export const edgeCaseNumber: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...edgeCaseNumbers) },
  { weight: 1, arbitrary: fc.double().map(String) },
  { weight: 1, arbitrary: fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String) },
)

const nested = (depth: number): Tree => ({ json: `${'['.repeat(depth)}${']'.repeat(depth)}` })
const nestedObjects = (depth: number): Tree => ({
  json: `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`,
})

/** Any JSON, valid or not. */
export const edgeCaseTree: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 8, arbitrary: edgeCaseText.map(leaf) },
  { weight: 6, arbitrary: edgeCaseNumber.map((json) => ({ json })) },
  { weight: 4, arbitrary: fc.constantFrom<Tree>(leaf(null), leaf(true), leaf(false)) },
  { weight: 3, arbitrary: fc.constantFrom<Tree>({ items: [] }, { members: [] }) },
  { weight: 1, arbitrary: fc.nat(3000).map(nested) },
  { weight: 1, arbitrary: fc.nat(2000).map(nestedObjects) },
  { weight: 1, arbitrary: fc.nat(3000).map((count) => ({ items: Array(count).fill(leaf('x')) })) },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }).map((json) => ({ json })) },
)

/** Keys with a meaning in JavaScript, and unknown keys. */
export const edgeCaseKey: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'toJSON',
    '__defineGetter__',
  ),
  edgeCaseText,
)
