/** Who sends a request: the key in it, and the address it comes from. */
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import { memoize } from '../lib/memoize.ts'

export type Credentials = { address: string; key: string | undefined }

/** The key in a feed's URL, and the header. */
export type RawFeedCredentials = { key: string | null; authorization: string | undefined }

/** For the REST API: `Authorization: Bearer …` only, so that no key is in a URL that changes something. */
export function apiCredentials(c: Context): Credentials {
  const { address } = getConnInfo(c).remote
  return { address: networkOf(address), key: bearerKey(c.req.header('Authorization')) }
}

/** For feeds, whose clients may know only URLs: `?key=`, a Basic password, or a Bearer key. */
export function feedCredentials(
  { key, authorization }: RawFeedCredentials,
  remoteAddress: string | undefined,
): Credentials {
  return { address: networkOf(remoteAddress), key: key ?? keyInHeader(authorization ?? '') }
}

const keyInHeader = memoize((header) => basicPassword(header) ?? bearerKey(header))

/** The socket's address, because anybody can send X-Forwarded-For. Of IPv6 the /64 network that one subscriber has. */
export function networkOf(address = ''): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = [], tail = []] = address
    .split('::')
    .map((side) => side.split(':').filter((group) => group !== ''))
  const between = Array.from({ length: 8 - head.length - tail.length }, () => '0')
  return [...head, ...between, ...tail].slice(0, 4).join(':')
}

function credentials(header: string | undefined, scheme: string): string | undefined {
  const [given, value] = header?.split(' ', 2) ?? []
  return given?.toLowerCase() === scheme ? value : undefined
}

const bearerKey = (header: string | undefined) => credentials(header, 'bearer')

/** The user name does not matter. */
function basicPassword(header: string | undefined): string | undefined {
  const pair = credentials(header, 'basic')
  return (
    pair &&
    Buffer.from(pair, 'base64')
      .toString()
      .replace(/^[^:]*:/, '')
  )
}
