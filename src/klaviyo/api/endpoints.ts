/** The endpoints of Klaviyo's API that storefeed sends to. */
import { z } from 'zod'
import { rateLimits, type Window } from './limits.ts'
import { parseJson, type ReadSuccess } from './send-result.ts'

export const revision = '2026-07-15'

export type Endpoint = {
  /** As in metrics and in the request counts that senders share. */
  name: string
  path: string
  rateLimit: readonly Window[]
  /** Spreads requests over the minute instead of using them up at its start: a backlog then leaves room for live events. */
  evenly?: boolean
  encode: (body: string, apiKey: string | null) => Encoded
  /** Only what Klaviyo answers counts as sent: a proxy or the login page of a network answers 200 to anything. */
  readSuccess: ReadSuccess
}

type Encoded = { headers: Record<string, string>; body: string }

export const endpoints = {
  event: {
    name: 'event',
    path: '/api/events',
    rateLimit: rateLimits.event,
    encode,
    readSuccess: readEmptyAcceptance,
  },
  bulk: {
    name: 'bulk',
    path: '/api/event-bulk-create-jobs',
    rateLimit: rateLimits.bulk,
    evenly: true,
    encode,
    readSuccess: readEmptyAcceptance,
  },
  profile: {
    name: 'profile',
    path: '/api/profile-import',
    rateLimit: rateLimits.profile,
    encode,
    readSuccess: readProfile,
  },
} as const satisfies Record<string, Endpoint>

/** A 202 without a body. A header names the fields that Klaviyo recorded the rest without. */
function readEmptyAcceptance(
  { status, headers, text }: Parameters<ReadSuccess>[0],
  requestId: string | null,
): ReturnType<ReadSuccess> {
  if (status !== 202 || text.trim() !== '') return null
  const omitted = headers
    .get('x-klaviyo-partial-failure')
    ?.split(/[\s,]+/)
    .slice(0, 10)
  return { result: 'accepted', requestId, ...(omitted && { omitted }) }
}

const profileDocument = z.object({ data: z.object({ type: z.literal('profile'), id: z.string() }) })

function readProfile(
  { status, text }: Parameters<ReadSuccess>[0],
  requestId: string | null,
): ReturnType<ReadSuccess> {
  const accepted =
    (status === 200 || status === 201) && profileDocument.safeParse(parseJson(text)).success
  return accepted ? { result: 'accepted', requestId } : null
}

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
