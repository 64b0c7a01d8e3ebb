import fc from 'fast-check'
import { edgeCaseNumber, edgeCaseText } from './edge-cases.ts'
import { writeTree } from './json-tree.ts'
import { parentResourceOf } from './observed-values.ts'
import type { Operation, Parameter } from './operations.ts'
import { type Source, validTree } from './valid-values.ts'

const feedFiles = ['products', 'stores', 'products.1-of-4', 'stores.2-of-8'].flatMap((file) => [
  `${file}.json`,
  `${file}.xml`,
])

/** As in the request line, without normalization. */
export const edgeCaseSegments = [
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

/** encodeURIComponent throws for a lone surrogate; Buffer replaces it. */
export const encode = (text: string) => encodeURIComponent(Buffer.from(text).toString())

const edgeCaseSegment = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...edgeCaseSegments) },
  { weight: 2, arbitrary: edgeCaseText.map(encode) },
  { weight: 1, arbitrary: edgeCaseNumber },
)

function validSegment(source: Source, path: string, { name, schema }: Parameter) {
  if (name === 'file') return fc.constantFrom(...feedFiles)
  return parameterText(source, schema, name, parentResourceOf(path, name)).map(encode)
}

export const parameterText = (
  source: Source,
  schema: Parameter['schema'],
  name: string,
  parent: string,
) => validTree(source, schema, { name, parent }).map((tree) => String(JSON.parse(writeTree(tree))))

export function validPath(source: Source, operation: Operation): fc.Arbitrary<string> {
  return pathOf(operation, (parameter) => validSegment(source, operation.path, parameter))
}

/** Edge cases in the parameters, or unusual slashes. */
export function edgeCasePath(source: Source, operation: Operation): fc.Arbitrary<string> {
  const valid = validPath(source, operation)
  const slashes = fc
    .tuple(valid, fc.constantFrom('/', '//', '/.', '/..', '/%2e%2e', '%2F', '\\', '#x', ';', '%00'))
    .map((two) => two.join(''))
  const doubled = valid.map((path) => path.replaceAll('/', '//'))
  const segments = pathOf(operation, (parameter) =>
    fc.oneof(
      { weight: 3, arbitrary: edgeCaseSegment },
      {
        weight: 1,
        arbitrary: validSegment(source, operation.path, parameter),
      },
    ),
  )
  const weight = operation.path.includes('{') ? 12 : 0
  return fc.oneof(
    { weight, arbitrary: segments },
    { weight: 2, arbitrary: slashes },
    { weight: 1, arbitrary: doubled },
  )
}

function pathOf(
  { path, parameters }: Operation,
  draw: (parameter: Parameter) => fc.Arbitrary<string>,
): fc.Arbitrary<string> {
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  return fc
    .tuple(...inPath.map(draw))
    .map((values) =>
      inPath.reduce(
        (target, { name }, index) => target.replace(`{${name}}`, () => values[index] ?? ''),
        path,
      ),
    )
}
