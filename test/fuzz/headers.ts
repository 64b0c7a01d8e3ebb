/** In charge of headers: keys, content types and conditions, and what callers and proxies send besides. */
import fc from 'fast-check'
import { hostileText } from './hostile.ts'
import { pick } from './known.ts'
import type { Operation } from './operations.ts'
import type { Source } from './valid.ts'

export type Header = [name: string, value: string]
/** Headers, and what is to be added to the query. */
export type Credentials = { headers: Header[]; query: string }

/** `admin` opens everything; others are found on the way. */
export type Keys = { admin: string; source: Source }

const basic = (key: string) => `Basic ${Buffer.from(`klaviyo:${key}`).toString('base64')}`
const bearing = (value: string): Credentials => ({ headers: [['Authorization', value]], query: '' })
const nobody: Credentials = { headers: [], query: '' }

/** The admin's key, in any of the ways that the operation takes. */
export function validCredentials(
  { admin }: Keys,
  { security }: Operation,
): fc.Arbitrary<Credentials> {
  const ways = new Map<string, Credentials>([
    ['key', bearing(`Bearer ${admin}`)],
    ['feed_password', bearing(basic(admin))],
    ['feed_key', { headers: [], query: `key=${admin}` }],
  ])
  const open = security.flatMap((way) => ways.get(way) ?? [])
  return fc.constantFrom(...(open.length > 0 ? open : [nobody]))
}

/** Of keys that other requests made, most of which may do less, and some of which are revoked. */
export function otherCredentials({ admin, source }: Keys): fc.Arbitrary<Credentials> {
  return fc.oneof(
    fc.nat().map((place) => bearing(`Bearer ${pick(source.known, 'key', place) ?? 'none'}`)),
    fc.constantFrom(
      nobody,
      ...['', 'Bearer', 'Bearer ', 'Bearer  x', 'Basic', 'Basic %%%', 'Basic Og==', 'Digest x'].map(
        bearing,
      ),
      ...[`bearer ${admin}`, `BEARER ${admin} x`, admin, `Basic ${admin}`, `Token ${admin}`].map(
        bearing,
      ),
      ...[basic(''), basic('\0'), `Bearer ${'x'.repeat(5000)}`, 'Bearer \xff\xfe'].map(bearing),
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

const oddTypes = [
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

/** If-Match with the ETag that the path had when it was last read, where the operation takes one. */
export function ifMatch(
  { known: { etags } }: Source,
  path: string,
  { parameters }: Operation,
  condition: Condition,
): Header[] {
  const takes = parameters.some(({ name }) => name === 'If-Match')
  const etag = condition === 'any' ? '*' : etags.get(path)
  return takes && condition !== 'none' && etag !== undefined ? [['If-Match', etag]] : []
}

const oddTags = [
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
const oddDates = [
  '',
  'now',
  '0',
  'Thu, 01 Jan 1970 00:00:00 GMT',
  'Fri, 31 Dec 9999 23:59:59 GMT',
  '99999999999999999',
  'Mon, 30 Feb 2026 25:61:61 GMT',
]

/** What each of these may hold that it should not, or that means nothing here. */
const oddHeaders: Record<string, string[]> = {
  'If-Match': oddTags,
  'If-None-Match': oddTags,
  'If-Modified-Since': oddDates,
  'If-Unmodified-Since': oddDates,
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
  'Content-Type': oddTypes,
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

/** A header's bytes are Latin-1, and none of them may end its line. */
const inHeader = (text: string) =>
  Buffer.from(text)
    .toString('latin1')
    .replace(/\p{Cc}/gu, '?')

export const hostileHeaders: fc.Arbitrary<Header[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .constantFrom(...Object.entries(oddHeaders))
        .chain(([name, values]) =>
          fc.constantFrom(...values).map((value): Header => [name, value]),
        ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(...Object.keys(oddHeaders)), hostileText.map(inHeader)),
    },
  ),
  { minLength: 1, maxLength: 2 },
)
