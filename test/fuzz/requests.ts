/** In charge of whole requests: valid ones, and ones of which one part, or every part, is hostile. */
import fc from 'fast-check'
import { hostileBody, validBody } from './bodies.ts'
import {
  type Header,
  hostileHeaders,
  ifMatch,
  type Keys,
  otherCredentials,
  validCondition,
  validCredentials,
  validType,
} from './headers.ts'
import { nounOf } from './known.ts'
import type { Operation } from './operations.ts'
import { hostilePath, hostileQuery, validPath, validQuery } from './targets.ts'
import { type Source, validTree } from './valid.ts'

/** A request as it goes over the wire. */
export type Sent = {
  /** The operation it was made for. */
  operation: Operation
  method: string
  /** Path and query, as they stand in the request's first line. */
  target: string
  headers: Header[]
  body: Buffer | undefined
  /** Byte for byte on a connection of its own, as no client library would send it. */
  bare: boolean
}

type Part = 'path' | 'query' | 'headers' | 'credentials' | 'body' | 'method' | 'bare'

const oddMethods = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  ...['TRACE', 'PROPFIND', 'QUERY', 'LINK'],
]
/** For what no client would send. */
const bareMethods = [...oddMethods, 'CONNECT', 'TRACK', 'get', 'BREW', '']

/** Which parts are hostile, and how often; a part that an operation lacks is drawn more seldom. */
function mixesOf({ body, parameters }: Operation): { hostile: Part[]; weight: number }[] {
  const has = (place: string) => parameters.some((one) => one.in === place)
  return [
    { hostile: [], weight: 24 },
    { hostile: ['body'], weight: body ? 18 : 1 },
    { hostile: ['path'], weight: has('path') ? 5 : 1 },
    { hostile: ['query'], weight: has('query') ? 8 : 1 },
    { hostile: ['headers'], weight: 3 },
    { hostile: ['credentials'], weight: 2 },
    { hostile: ['method'], weight: 2 },
    { hostile: ['bare', 'headers'], weight: 1 },
    { hostile: ['bare', 'method', 'path'], weight: 1 },
    { hostile: ['headers', 'body'], weight: 1 },
    { hostile: ['query', 'path', 'body'], weight: 1 },
    { hostile: ['path', 'query', 'headers', 'credentials', 'body', 'method'], weight: 1 },
  ]
}

function requestsOf(source: Source, keys: Keys, operation: Operation): fc.Arbitrary<Sent> {
  return fc.oneof(
    ...mixesOf(operation).map(({ hostile, weight }) => ({
      weight,
      arbitrary: requestsWith(source, keys, operation, hostile),
    })),
  )
}

function requestsWith(
  source: Source,
  keys: Keys,
  operation: Operation,
  hostile: Part[],
): fc.Arbitrary<Sent> {
  const draw = <T>(part: Part, odd: () => fc.Arbitrary<T>, valid: () => fc.Arbitrary<T>) =>
    hostile.includes(part) ? odd() : valid()
  const methods = hostile.includes('bare') ? bareMethods : oddMethods
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
        () => hostilePath(source, operation),
        () => validPath(source, operation),
      ),
      query: draw(
        'query',
        () => hostileQuery(source, operation),
        () => validQuery(source, operation),
      ),
      credentials: draw(
        'credentials',
        () => otherCredentials(keys),
        () => validCredentials(keys, operation),
      ),
      body: draw(
        'body',
        () => hostileBody(bodyTree(source, operation)),
        () => neededBody(source, operation),
      ),
      type: validType,
      condition: validCondition,
      odd: draw('headers', () => hostileHeaders, nothing),
    })
    .map(({ method, path, query, credentials, type, condition, body, odd }): Sent => {
      const usual = [
        ...credentials.headers,
        ...ifMatch(source, path, operation, condition),
        ...(body === undefined ? [] : [type]),
      ]
      return {
        operation,
        method,
        target: withKey(path + query, credentials.query),
        headers: [...usual.filter(([name]) => odd.every(([other]) => other !== name)), ...odd],
        body,
        bare: hostile.includes('bare'),
      }
    })
}

const bodyTree = (source: Source, { body = {}, path }: Operation) =>
  validTree(source, body, { name: '', holder: nounOf(path) })

function neededBody(source: Source, operation: Operation): fc.Arbitrary<Buffer | undefined> {
  return operation.body ? validBody(bodyTree(source, operation)) : fc.constant(undefined)
}

const withKey = (target: string, query: string) =>
  query === '' ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`

export const anyRequest = (keys: Keys, operations: Operation[]): fc.Arbitrary<Sent> =>
  fc.oneof(...operations.map((operation) => requestsOf(keys.source, keys, operation)))
