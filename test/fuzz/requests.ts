/** Complete requests: valid ones, and ones with edge cases in some or all parts. */
import fc from 'fast-check'
import { edgeCaseBody, validBody } from './bodies.ts'
import {
  edgeCaseHeaders,
  type Header,
  ifMatch,
  type Keys,
  otherCredentials,
  validCondition,
  validCredentials,
  validType,
} from './headers.ts'
import { resourceOf } from './observed-values.ts'
import type { Operation } from './operations.ts'
import { edgeCasePath, validPath } from './paths.ts'
import { edgeCaseQuery, validQuery } from './queries.ts'
import { type Source, validTree } from './valid-values.ts'

export type FuzzRequest = {
  /** The operation it was generated for. */
  operation: Operation
  method: string
  /** Path and query, as in the request line. */
  target: string
  headers: Header[]
  body: Buffer | undefined
  /** Sent byte for byte on its own connection, as no client library would. */
  raw: boolean
}

type Part = 'path' | 'query' | 'headers' | 'credentials' | 'body' | 'method' | 'raw'

const edgeCaseMethods = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  ...['TRACE', 'PROPFIND', 'QUERY', 'LINK'],
]
/** Including what no client library sends. */
const rawMethods = [...edgeCaseMethods, 'CONNECT', 'TRACK', 'get', 'BREW', '']

/** Which parts are edge cases, and how often; a part that the operation lacks has a lower weight. */
function edgeCaseMixes({
  body,
  takesFile,
  parameters,
}: Operation): { edgeCases: Part[]; weight: number }[] {
  const has = (place: string) => parameters.some((one) => one.in === place)
  return [
    { edgeCases: [], weight: 24 },
    { edgeCases: ['body'], weight: body || takesFile ? 18 : 1 },
    { edgeCases: ['path'], weight: has('path') ? 5 : 1 },
    { edgeCases: ['query'], weight: has('query') ? 8 : 1 },
    { edgeCases: ['headers'], weight: 3 },
    { edgeCases: ['credentials'], weight: 2 },
    { edgeCases: ['method'], weight: 2 },
    { edgeCases: ['raw', 'headers'], weight: 1 },
    { edgeCases: ['raw', 'method', 'path'], weight: 1 },
    { edgeCases: ['headers', 'body'], weight: 1 },
    { edgeCases: ['query', 'path', 'body'], weight: 1 },
    { edgeCases: ['path', 'query', 'headers', 'credentials', 'body', 'method'], weight: 1 },
  ]
}

function requestsOf(source: Source, keys: Keys, operation: Operation): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(
    ...edgeCaseMixes(operation).map(({ edgeCases, weight }) => ({
      weight,
      arbitrary: requestsWith(source, keys, operation, edgeCases),
    })),
  )
}

function requestsWith(
  source: Source,
  keys: Keys,
  operation: Operation,
  edgeCases: Part[],
): fc.Arbitrary<FuzzRequest> {
  const draw = <T>(part: Part, edgeCase: () => fc.Arbitrary<T>, valid: () => fc.Arbitrary<T>) =>
    edgeCases.includes(part) ? edgeCase() : valid()
  const methods = edgeCases.includes('raw') ? rawMethods : edgeCaseMethods
  const nothing = () => fc.constant<Header[]>([])
  return fc
    .record({
      method: draw(
        'method',
        () => fc.constantFrom(...methods),
        () => fc.constant(operation.method),
      ),
      path: draw(
        'path',
        () => edgeCasePath(source, operation),
        () => validPath(source, operation),
      ),
      query: draw(
        'query',
        () => edgeCaseQuery(source, operation),
        () => validQuery(source, operation),
      ),
      credentials: draw(
        'credentials',
        () => otherCredentials(keys),
        () => validCredentials(keys, operation),
      ),
      body: draw(
        'body',
        () => edgeCaseBody(bodyTree(source, operation)),
        () => validBodyOf(source, operation),
      ),
      type: operation.takesFile ? fc.constant<Header>(['Content-Type', 'text/csv']) : validType,
      condition: validCondition,
      extra: draw('headers', () => edgeCaseHeaders, nothing),
    })
    .map(({ method, path, query, credentials, type, condition, body, extra }): FuzzRequest => {
      const usual = [
        ...credentials.headers,
        ...ifMatch(source, path, operation, condition),
        ...(body === undefined ? [] : [type]),
      ]
      return {
        operation,
        method,
        target: withKey(path + query, credentials.query),
        headers: [...usual.filter(([name]) => extra.every(([other]) => other !== name)), ...extra],
        body,
        raw: edgeCases.includes('raw'),
      }
    })
}

const bodyTree = (source: Source, { body = {}, path }: Operation) =>
  validTree(source, body, { name: '', parent: resourceOf(path) })

const files = [
  'id,title\nproducts-1,Pot\nproducts-2,\n',
  'id,title,price\r\nstores-1,"Boston, Main",1\r\n',
  'product_id,store_id\nproducts-1,stores-1\n',
  '{"id":"products-3","title":"Ladle"}\n',
]

function validBodyOf(source: Source, operation: Operation): fc.Arbitrary<Buffer | undefined> {
  if (operation.takesFile) return fc.constantFrom(...files).map((text) => Buffer.from(text))
  return operation.body ? validBody(bodyTree(source, operation)) : fc.constant(undefined)
}

const withKey = (target: string, query: string) =>
  query === '' ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`

export const anyRequest = (keys: Keys, operations: Operation[]): fc.Arbitrary<FuzzRequest> =>
  fc.oneof(...operations.map((operation) => requestsOf(keys.source, keys, operation)))
