/** Headers: credentials, content types, conditions, and others that clients and proxies send. */
import fc from 'fast-check'
import { edgeCaseText } from './edge-cases.ts'
import { pick } from './observed-values.ts'
import type { Operation } from './operations.ts'
import type { Source } from './valid-values.ts'

export type Header = [name: string, value: string]
/** Headers, and a parameter for the query. */
export type Credentials = { headers: Header[]; query: string }

/** `admin` has all scopes; other keys are taken from responses. */
export type Keys = { admin: string; source: Source }

const basic = (key: string) => `Basic ${Buffer.from(`klaviyo:${key}`).toString('base64')}`
const authorization = (value: string): Credentials => ({
  headers: [['Authorization', value]],
  query: '',
})
const noCredentials: Credentials = { headers: [], query: '' }

/** The admin key, by any of the operation's security schemes. */
export function validCredentials(
  { admin }: Keys,
  { security }: Operation,
): fc.Arbitrary<Credentials> {
  const schemes = new Map<string, Credentials>([
    ['key', authorization(`Bearer ${admin}`)],
    ['feed_password', authorization(basic(admin))],
    ['feed_key', { headers: [], query: `key=${admin}` }],
  ])
  const accepted = security.flatMap((scheme) => schemes.get(scheme) ?? [])
  return fc.constantFrom(...(accepted.length > 0 ? accepted : [noCredentials]))
}

/** Keys that other requests created, most with fewer scopes and some revoked; and invalid credentials. */
export function otherCredentials({ admin, source }: Keys): fc.Arbitrary<Credentials> {
  return fc.oneof(
    fc
      .nat()
      .map((place) => authorization(`Bearer ${pick(source.observed, 'key', place) ?? 'none'}`)),
    fc.constantFrom(
      noCredentials,
      ...['', 'Bearer', 'Bearer ', 'Bearer  x', 'Basic', 'Basic %%%', 'Basic Og==', 'Digest x'].map(
        authorization,
      ),
      ...[`bearer ${admin}`, `BEARER ${admin} x`, admin, `Basic ${admin}`, `Token ${admin}`].map(
        authorization,
      ),
      ...[basic(''), basic('\0'), `Bearer ${'x'.repeat(5000)}`, 'Bearer \xff\xfe'].map(
        authorization,
      ),
      { headers: [], query: 'key=' },
      { headers: [], query: 'key=%00' },
      { headers: [], query: 'key=%F0%9F%98%80&key=2' },
    ),
  )
}

const jsonTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'application/merge-patch+json',
]
export const validType: fc.Arbitrary<Header> = fc
  .constantFrom(...jsonTypes)
  .map((type) => ['Content-Type', type])

const edgeCaseTypes = [
  ...[
    '',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'json',
  ],
  ...[
    'application/jsonp',
    'text/json',
    'application/json; charset=utf-16',
    'APPLICATION/JSON',
    'application/json,',
  ],
  ...[
    'application/json;;;',
    'application/\xe9+json',
    'application/xml',
    '*/*',
    'application/json\ttext/plain',
  ],
]

export type Condition = 'none' | 'current' | 'any'
export const validCondition: fc.Arbitrary<Condition> = fc.constantFrom(
  'none',
  'none',
  'none',
  'current',
  'any',
)

/** If-Match with the last ETag of the path, where the operation accepts one. */
export function ifMatch(
  { observed: { etags } }: Source,
  path: string,
  { parameters }: Operation,
  condition: Condition,
): Header[] {
  const accepts = parameters.some(({ name }) => name === 'If-Match')
  const etag = condition === 'any' ? '*' : etags.get(path)
  return accepts && condition !== 'none' && etag !== undefined ? [['If-Match', etag]] : []
}

const edgeCaseETags = [
  '',
  '*',
  '"*"',
  '""',
  '"',
  'W/""',
  '"x"',
  'W/"x", *',
  '"a", "b",',
  ',,,',
  '\xff',
  '"'.repeat(300),
  '"1-d41d8cd98f00b204e9800998ecf8427e"',
]
const edgeCaseDates = [
  '',
  'now',
  '0',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'Fri, 31 Dec 9999 23:59:59 GMT',
  '99999999999999999',
  'Mon, 30 Feb 2026 25:61:61 GMT',
]

/** Invalid values, and values without a meaning here. */
const edgeCaseHeaderValues: Record<string, string[]> = {
  'If-Match': edgeCaseETags,
  'If-None-Match': edgeCaseETags,
  'If-Modified-Since': edgeCaseDates,
  'If-Unmodified-Since': edgeCaseDates,
  Accept: ['', 'text/html', 'application/xml;q=0.1', ';;q=2', '*'.repeat(1000)],
  'Accept-Encoding': [
    ...[
      '',
      '*',
      'gzip',
      'gzip;q=0',
      'gzip;q=0.000',
      '*;q=0',
      'identity;q=0',
      'br',
      'x-gzip',
      'deflate, gzip;q=1.0, *;q=0.5',
    ],
    ...['gzip;q=NaN', 'gzip;q=-1', ';', ',', 'GZIP', 'gzip, '.repeat(200), '\xff'],
  ],
  'Accept-Language': ['de', '\xff'],
  Range: [
    'bytes=0-0',
    'bytes=-1',
    'bytes=9999999999999-',
    'bytes=0-0,5-6,0-',
    'bytes=a-b',
    'items=1',
    '',
  ],
  'Content-Type': edgeCaseTypes,
  'Content-Encoding': ['gzip', 'br', 'identity', 'x', ''],
  'X-Request-Id': ['', 'ok-1', 'x'.repeat(65), 'a b', '\xff', '"', '__proto__'],
  'X-HTTP-Method-Override': ['DELETE', 'TRACE'],
  'X-Forwarded-For': ['127.0.0.1', 'x, y', '999.999.999.999', '::1'],
  'X-Forwarded-Host': ['evil.example', ''],
  'X-Forwarded-Proto': ['https', 'javascript'],
  Forwarded: ['for=1.2.3.4;host=x', ';;'],
  Host: [
    'evil.example',
    'localhost:99999',
    'a b',
    '[',
    '[::1',
    '[::1]:3000',
    'é',
    'x'.repeat(300),
    'user@host',
    'host/path',
    'EXAMPLE.org',
    '%00',
    '1.2.3',
  ],
  Cookie: ['a=b', '='.repeat(100), '\xff'],
  Origin: ['null', 'https://evil.example', ''],
  Prefer: ['return=minimal'],
  'User-Agent': ['', 'x'.repeat(4000), '\xf0\x9f\x98\x80', 'jndi:ldap://x'],
  Connection: ['Upgrade', 'close', 'x'],
  Upgrade: ['websocket', 'h2c'],
  Expect: ['100-continue', 'x'],
  TE: ['trailers', 'x'],
  Big: ['x'.repeat(10_000), 'x'.repeat(20_000)],
}

/** Header bytes are Latin-1, without control characters that would end the line. */
const inHeader = (text: string) =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/\p{Cc}/gu, '?')

export const edgeCaseHeaders: fc.Arbitrary<Header[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .constantFrom(...Object.entries(edgeCaseHeaderValues))
        .chain(([name, values]) =>
          fc.constantFrom(...values).map((value): Header => [name, value]),
        ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constantFrom(...Object.keys(edgeCaseHeaderValues)),
        edgeCaseText.map(inHeader),
      ),
    },
  ),
  { minLength: 1, maxLength: 2 },
)
