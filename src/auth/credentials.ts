/** In charge of who asks: the key that a request carries, and the address it comes from. */
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'

export type Credentials = { address: string; key: string | undefined }

/** The key in a feed's URL and the header, as they came. */
export type RawFeedCredentials = { key: string | null; authorization: string | undefined }

/** For the REST API: `Authorization: Bearer …` only, so that a key never stands in a URL that changes something. */
export function apiCredentials(c: Context): Credentials {
  const { address } = getConnInfo(c).remote
  return { address: networkOf(address), key: bearerKey(c.req.header('Authorization')) }
}

/** For feeds, whose pollers know only URLs: `?key=`, the password of Basic, or a Bearer key. */
export function feedCredentials(
  { key, authorization }: RawFeedCredentials,
  remoteAddress: string | undefined,
): Credentials {
  const given = key ?? basicPassword(authorization) ?? bearerKey(authorization)
  return { address: networkOf(remoteAddress), key: given }
}

/**
 * The socket's address: what a header says of another one could be said by anybody. Of IPv6 its
 * first half, as one subscriber has the whole other half.
 */
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
