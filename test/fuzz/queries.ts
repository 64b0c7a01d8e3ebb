import fc from 'fast-check'
import { edgeCaseNumber, edgeCaseText, edgeCaseTime } from './edge-cases.ts'
import { resourceOf } from './observed-values.ts'
import type { Operation } from './operations.ts'
import { edgeCaseSegments, encode, parameterText } from './paths.ts'
import { type Source, weights } from './valid-values.ts'

type Pair = [name: string, value: string]

/** Of many that may be left out few are given: they contradict each other. */
const mostGiven = 2

function validPairs(source: Source, { path, parameters }: Operation): fc.Arbitrary<Pair[]> {
  const inQuery = parameters.filter((parameter) => parameter.in === 'query')
  const optional = inQuery.filter(({ required }) => !required).length
  const usual = 10 / Math.max(3, optional / mostGiven - 1)
  const pairs = inQuery.map(({ name, schema, required }) => {
    const pair = parameterText(source, schema, name, resourceOf(path)).map((value): Pair[] => [
      [name, encode(value)],
    ])
    if (required) return pair
    return fc.oneof(
      { weight: 10, arbitrary: fc.constant<Pair[]>([]) },
      { weight: weights[name] ?? Math.round(usual), arbitrary: pair },
    )
  })
  return fc.tuple(...pairs).map((drawn) => drawn.flat())
}

export const validQuery = (source: Source, operation: Operation): fc.Arbitrary<string> =>
  validPairs(source, operation).map(writeQuery)

const writeQuery = (pairs: Pair[]) =>
  pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=')).join('&')}`

const edgeCaseQueries = [
  ...[
    '?',
    '?&&=',
    '?=',
    '?%',
    '?%ZZ=1',
    '?__proto__=1',
    '?constructor=1',
    '?toString',
    '?a[]=1',
    '?a[b]=c',
  ],
  ...[
    '?limit=1&limit=2',
    '?limit=',
    '?limit=+5',
    '?limit=0x10',
    '?%6Cimit=5',
    '?cursor',
    '?key=x',
    '??',
    '?a?b#c',
  ],
  `?${'a=1&'.repeat(500)}`,
  `?q=${'x'.repeat(9000)}`,
]

/** Encoded as the server's cursors: an id, or a time and a number. */
const forgedCursor = fc
  .oneof(
    edgeCaseText,
    fc.constantFrom(
      '0000-01-01T00:00:00Z 1',
      '2025-01-01T00:00:00+23:59 1',
      '2025-01-01T00:00:00Z 999999999999999',
    ),
  )
  .map((text) => Buffer.from(text).toString('base64url'))

export function edgeCaseQuery(source: Source, operation: Operation): fc.Arbitrary<string> {
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query')
  const value = fc.oneof(
    { weight: 3, arbitrary: edgeCaseText.map(encode) },
    { weight: 1, arbitrary: edgeCaseNumber },
    { weight: 1, arbitrary: fc.constantFrom(...edgeCaseSegments) },
  )
  const documented = inQuery.map(({ name, schema }) => {
    const values = schema.format === 'date-time' ? edgeCaseTime.map(encode) : value
    return values.map((drawn): Pair => [name, drawn])
  })
  const unknown = fc.tuple(edgeCaseText.map(encode), value)
  const cursor = forgedCursor.map((text): Pair => ['cursor', text])
  const pair = fc.oneof(
    ...documented.map((arbitrary) => ({ weight: 2, arbitrary })),
    { weight: 1, arbitrary: unknown },
    { weight: 1, arbitrary: cursor },
  )
  const mixed = fc
    .tuple(validPairs(source, operation), fc.array(pair, { minLength: 1, maxLength: 2 }))
    .map(([valid, edgeCases]) => writeQuery([...edgeCases, ...valid]))
  return fc.oneof(
    { weight: 8, arbitrary: mixed },
    { weight: 1, arbitrary: fc.constantFrom(...edgeCaseQueries) },
  )
}
