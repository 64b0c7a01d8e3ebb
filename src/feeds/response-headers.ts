/** In charge of the headers of a feed's answer: they are made once for all who get the same. */

import type { FeedResponse } from './feed-response.ts'
import type { Freshness } from './feed-service.ts'

export type Encoding = 'gzip' | 'identity'

type Look = { freshness: Freshness; encoding: Encoding; unchanged: boolean }

export const etagOf = (served: FeedResponse, encoding: Encoding) => `"${served.tag}-${encoding}"`

export const sizeOf = (served: FeedResponse, encoding: Encoding) =>
  encoding === 'gzip' ? served.gzip.bytes : served.bytes

/**
 * Dates tell seconds apart, so a feed built within this second has none yet that would be safe to
 * compare; nor has an old one, while a newer one may be in the making.
 */
export const isSettled = (builtAt: Date) => Date.now() - builtAt.getTime() > 1000

const warnings: Record<Exclude<Freshness, 'fresh'>, string> = {
  stale: '110 storefeed "the last good feed: a newer one could not be made in time"',
  held: '110 storefeed "the last good feed: the new one lost too many items and is held back"',
}

const made = new WeakMap<FeedResponse, Map<string, string[]>>()

/** Names and values in turn. */
export function feedHeaders(served: FeedResponse, look: Look): readonly string[] {
  const isDated = look.freshness === 'fresh' && isSettled(served.builtAt)
  const name = `${look.freshness} ${look.encoding} ${look.unchanged} ${isDated}`
  const known = made.get(served) ?? new Map<string, string[]>()
  made.set(served, known)
  const headers = known.get(name) ?? Object.entries(headersOf(served, look, isDated)).flat()
  known.set(name, headers)
  return headers
}

function headersOf(
  served: FeedResponse,
  { freshness, encoding, unchanged }: Look,
  isDated: boolean,
): Record<string, string> {
  return {
    'Cache-Control': 'no-cache',
    ETag: etagOf(served, encoding),
    ...(isDated ? { 'Last-Modified': served.builtAt.toUTCString() } : {}),
    Vary: 'Accept-Encoding',
    'X-Content-Type-Options': 'nosniff',
    'X-Feed-Version': String(served.version),
    'X-Feed-Items': String(served.items),
    'X-Feed-State': freshness,
    ...(freshness === 'fresh' ? {} : { Warning: warnings[freshness] }),
    ...(unchanged
      ? {}
      : { 'Content-Type': served.contentType, 'Content-Length': String(sizeOf(served, encoding)) }),
    ...(unchanged || encoding === 'identity' ? {} : { 'Content-Encoding': encoding }),
  }
}
