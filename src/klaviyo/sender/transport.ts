/** One way to reach Klaviyo: which endpoints, with which bodies. */
import type { KlaviyoConfig } from '../../config.ts'
import { type Endpoint, endpoints } from '../api/endpoints.ts'
import { bulkEntry, eventBody, profileBody } from '../api/request-bodies.ts'
import type { Event } from '../mapping/event.ts'
import type { Profile } from '../mapping/profile.ts'

export type Transport = {
  event: { endpoint: Endpoint; body: (event: Event) => object }
  profile: { endpoint: Endpoint; body: (profile: Profile) => object }
  /** Null where many events cannot be sent in one request. */
  bulk: { endpoint: Endpoint; entry: (event: Event) => object } | null
}

/** An API of Klaviyo's, and the key that it needs. */
export type KlaviyoApi = {
  keySetting: string
  readKey: (config: KlaviyoConfig) => string | null
  transport: (key: string) => Transport
}

export const eventsTransport: Transport = {
  event: { endpoint: endpoints.event, body: eventBody },
  profile: { endpoint: endpoints.profile, body: profileBody },
  bulk: { endpoint: endpoints.bulk, entry: bulkEntry },
}

export const eventsApi: KlaviyoApi = {
  keySetting: 'KLAVIYO_API_KEY',
  readKey: ({ apiKey }) => apiKey,
  transport: () => eventsTransport,
}

export function endpointsOf({ event, profile, bulk }: Transport): Endpoint[] {
  return [event.endpoint, profile.endpoint, ...(bulk ? [bulk.endpoint] : [])]
}
