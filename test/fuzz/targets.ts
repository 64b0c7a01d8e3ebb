/** In charge of request targets: paths with their parameters, and queries. */
import fc from 'fast-check'
import { hostileNumber, hostileText, hostileTime } from './hostile.ts'
import { holderOf, nounOf } from './known.ts'
import type { Operation, Parameter } from './operations.ts'
import { writeTree } from './tree.ts'
import { type Source, validTree } from './valid.ts'

const feedFiles = ['products', 'stores', 'products.1-of-4', 'stores.2-of-8'].flatMap((file) => [
  `${file}.json`,
  `${file}.xml`,
])

/** As it stands in a URL, whatever URLs make of it. */
const oddSteps = [
  ...[
    '',
    '.',
    '..',
    '%2e',
    '%2E%2e',
    '..%2f',
    '%2F',
    '%5C',
    '\\',
    '%00',
    'a%00b',
    '%',
    '%Z',
    '%ZZ',
  ],
  ...[
    '%C0%AF',
    '%ED%A0%80',
    '%FF',
    '%F0%9F',
    '%F0%9F%98%80',
    '%E2%80%AE',
    'é',
    '😀',
    '%C3%A9',
    'e%CC%81',
  ],
  ...[
    '%20',
    '+',
    '%20x',
    'x%0A',
    'a,b',
    'a%2Cb',
    ';a=b',
    ':id',
    '{id}',
    '*',
    '**',
    '~',
    "'",
    '"',
    '<x>',
  ],
  ...[
    '0',
    '-1',
    '-0',
    '1.5',
    '1e0',
    '1e3',
    '0x1',
    '0b1',
    '01',
    '1_0',
    '%201',
    '1%20',
    'Infinity',
    'NaN',
  ],
  ...[
    '2147483648',
    '9007199254740991',
    '9007199254740992',
    '99999999999999999999',
    '9'.repeat(300),
  ],
  ...[
    'null',
    'undefined',
    'true',
    '__proto__',
    'constructor',
    'toString',
    'batch',
    'retry',
    '%252F',
  ],
  ...[
    'x'.repeat(255),
    'x'.repeat(256),
    '%C3%A9'.repeat(255),
    '%F0%9F%98%80'.repeat(128),
    'x'.repeat(9000),
  ],
  ...[
    'products.9-of-8.json',
    'products.0-of-2.json',
    'products.1-of-3.json',
    'products.01-of-02.json',
  ],
  ...['products.json/', 'products.json%00', 'PRODUCTS.json', 'products', '..%2f..%2fpackage.json'],
]

/** Half a surrogate pair has no bytes. */
const encode = (text: string) => encodeURIComponent(Buffer.from(text).toString())

const hostileStep = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...oddSteps) },
  { weight: 2, arbitrary: hostileText.map(encode) },
  { weight: 1, arbitrary: hostileNumber },
)

function validStep(source: Source, path: string, { name, schema }: Parameter) {
  if (name === 'file') return fc.constantFrom(...feedFiles)
  return textOf(source, schema, name, holderOf(path, name)).map(encode)
}

const textOf = (source: Source, schema: Parameter['schema'], name: string, holder: string) =>
  validTree(source, schema, { name, holder }).map((tree) => String(JSON.parse(writeTree(tree))))

export function validPath(source: Source, operation: Operation): fc.Arbitrary<string> {
  return pathOf(operation, (parameter) => validStep(source, operation.path, parameter))
}

/** One odd step among the parameters, or odd slashes. */
export function hostilePath(source: Source, operation: Operation): fc.Arbitrary<string> {
  const valid = validPath(source, operation)
  const slashes = fc
    .tuple(valid, fc.constantFrom('/', '//', '/.', '/..', '/%2e%2e', '%2F', '\\', '#x', ';', '%00'))
    .map((two) => two.join(''))
  const doubled = valid.map((path) => path.replaceAll('/', '//'))
  const odd = pathOf(operation, (parameter) =>
    fc.oneof(
      { weight: 3, arbitrary: hostileStep },
      {
        weight: 1,
        arbitrary: validStep(source, operation.path, parameter),
      },
    ),
  )
  const weight = operation.path.includes('{') ? 12 : 0
  return fc.oneof(
    { weight, arbitrary: odd },
    { weight: 2, arbitrary: slashes },
    { weight: 1, arbitrary: doubled },
  )
}

function pathOf(
  { path, parameters }: Operation,
  draw: (parameter: Parameter) => fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const steps = parameters.filter((parameter) => parameter.in === 'path')
  return fc
    .tuple(...steps.map(draw))
    .map((drawn) =>
      steps.reduce(
        (made, { name }, place) => made.replace(`{${name}}`, () => drawn[place] ?? ''),
        path,
      ),
    )
}

type Pair = [name: string, value: string]

function validPairs(source: Source, { path, parameters }: Operation): fc.Arbitrary<Pair[]> {
  const asked = parameters.filter((parameter) => parameter.in === 'query')
  const pairs = asked.map(({ name, schema }) =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constant<Pair[]>([]) },
      {
        weight: 1,
        arbitrary: textOf(source, schema, name, nounOf(path)).map((value): Pair[] => [
          [name, encode(value)],
        ]),
      },
    ),
  )
  return fc.tuple(...pairs).map((drawn) => drawn.flat())
}

export const validQuery = (source: Source, operation: Operation): fc.Arbitrary<string> =>
  validPairs(source, operation).map(writeQuery)

const writeQuery = (pairs: Pair[]) =>
  pairs.length === 0 ? '' : `?${pairs.map((pair) => pair.join('=')).join('&')}`

const oddQueries = [
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

/** As the server writes them, of an id or of a time and a number. */
const forgedCursor = fc
  .oneof(
    hostileText,
    fc.constantFrom(
      '0000-01-01T00:00:00Z 1',
      '2025-01-01T00:00:00+23:59 1',
      '2025-01-01T00:00:00Z 999999999999999',
    ),
  )
  .map((text) => Buffer.from(text).toString('base64url'))

export function hostileQuery(source: Source, operation: Operation): fc.Arbitrary<string> {
  const asked = operation.parameters.filter((parameter) => parameter.in === 'query')
  const value = fc.oneof(
    { weight: 3, arbitrary: hostileText.map(encode) },
    { weight: 1, arbitrary: hostileNumber },
    { weight: 1, arbitrary: fc.constantFrom(...oddSteps) },
  )
  const known = asked.map(({ name, schema }) => {
    const values = schema.format === 'date-time' ? hostileTime.map(encode) : value
    return values.map((drawn): Pair => [name, drawn])
  })
  const unknown = fc.tuple(hostileText.map(encode), value)
  const cursor = forgedCursor.map((text): Pair => ['cursor', text])
  const pair = fc.oneof(
    ...known.map((arbitrary) => ({ weight: 2, arbitrary })),
    { weight: 1, arbitrary: unknown },
    { weight: 1, arbitrary: cursor },
  )
  const spoilt = fc
    .tuple(validPairs(source, operation), fc.array(pair, { minLength: 1, maxLength: 2 }))
    .map(([valid, odd]) => writeQuery([...odd, ...valid]))
  return fc.oneof(
    { weight: 8, arbitrary: spoilt },
    { weight: 1, arbitrary: fc.constantFrom(...oddQueries) },
  )
}
