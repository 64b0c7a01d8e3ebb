/**
 * The Track and Identify APIs, which Klaviyo retired in June 2024. Its brick-and-mortar guide still
 * describes its payloads for them, so `KLAVIYO_API=track` sends exactly those, for accounts and proxies that
 * still take them. To drop them, delete this folder, its line in `sender/klaviyo.ts`, and `track` from the settings.
 */
import type { Endpoint } from '../api/endpoints.ts'
import { rateLimits } from '../api/limits.ts'
import type { KlaviyoApi, Transport } from '../sender/transport.ts'
import { identifyPayload, trackPayload } from './payloads.ts'

export const trackApi: KlaviyoApi = {
  keySetting: 'KLAVIYO_PUBLIC_KEY',
  readKey: ({ publicKey }) => publicKey,
  transport: trackTransport,
}

/** Klaviyo never published rate limits for these: they get those of the endpoints that replaced them. */
export const trackEndpoint = endpoint('track', rateLimits.event)
const identifyEndpoint = endpoint('identify', rateLimits.profile)

/** `token` is the public key. */
export function trackTransport(token: string): Transport {
  return {
    event: { endpoint: trackEndpoint, body: (event) => trackPayload(event, token) },
    profile: { endpoint: identifyEndpoint, body: (profile) => identifyPayload(profile, token) },
    bulk: null,
  }
}

function endpoint(name: string, rateLimit: Endpoint['rateLimit']): Endpoint {
  return {
    name,
    path: `/api/${name}`,
    rateLimit,
    encode: (body) => ({
      body: new URLSearchParams({ data: body }).toString(),
      headers: { accept: 'text/html', 'content-type': 'application/x-www-form-urlencoded' },
    }),
    /** The body of a 200 is 1 for yes and 0 for no. */
    readSuccess({ status, text }, requestId) {
      const answer = status === 200 ? text.trim() : ''
      if (answer === '1') return { result: 'accepted', requestId }
      if (answer !== '0') return null
      const reason = `${name} answered 0, not 1`
      return { result: 'rejected', status, reason, errors: [], requestId }
    },
  }
}
