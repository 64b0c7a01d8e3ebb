/** The endpoints of Klaviyo's API that storefeed sends to. */
import { rateLimits, type Window } from './limits.ts'
import type { SendResult } from './send-result.ts'

export const revision = '2026-07-15'

export type Endpoint = {
  /** As in metrics and in the request counts that senders share. */
  name: string
  path: string
  rateLimit: readonly Window[]
  /** Spreads requests over the minute instead of using them up at its start: a backlog then leaves room for live events. */
  evenly?: boolean
  encode: (body: string, apiKey: string | null) => Encoded
  /** Where a 2xx alone does not say that the request was accepted. */
  readSuccess?: (text: string, requestId: string | null) => SendResult
}

type Encoded = { headers: Record<string, string>; body: string | URLSearchParams }

export const endpoints = {
  event: { name: 'event', path: '/api/events', rateLimit: rateLimits.event, encode },
  bulk: {
    name: 'bulk',
    path: '/api/event-bulk-create-jobs',
    rateLimit: rateLimits.bulk,
    evenly: true,
    encode,
  },
  profile: {
    name: 'profile',
    path: '/api/profile-import',
    rateLimit: rateLimits.profile,
    encode,
  },
} as const satisfies Record<string, Endpoint>

function encode(body: string, apiKey: string | null): Encoded {
  return { body, headers: { ...headers(apiKey), 'content-type': 'application/vnd.api+json' } }
}

export function headers(apiKey: string | null): Record<string, string> {
  return {
    authorization: `Klaviyo-API-Key ${apiKey}`,
    accept: 'application/vnd.api+json',
    revision,
    'x-klaviyo-revision-fall-forward-opt-out': '1',
  }
}
