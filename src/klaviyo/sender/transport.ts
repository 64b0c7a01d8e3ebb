/** In charge of the two ways to reach Klaviyo: today's Events API, and the Track API of the brief. */

import type { Endpoint } from '../api/limits.ts'
import { bulkEntry, eventBody, profileBody } from '../api/request-bodies.ts'
import { identifyPayload, trackPayload } from '../legacy-track/track.ts'
import type { Event } from '../mapping/event.ts'
import type { Profile } from '../mapping/profile.ts'

export type Transport = {
  event: { endpoint: Endpoint; body: (event: Event) => object }
  profile: { endpoint: Endpoint; body: (profile: Profile) => object }
  /** An event as one entry of a bulk request; null where there is no such request. */
  bulkEntry: ((event: Event) => object) | null
}

export const eventsTransport: Transport = {
  event: { endpoint: 'event', body: eventBody },
  profile: { endpoint: 'profile', body: profileBody },
  bulkEntry,
}

/** `token` is the public key. */
export function trackTransport(token: string): Transport {
  return {
    event: { endpoint: 'track', body: (event) => trackPayload(event, token) },
    profile: { endpoint: 'identify', body: (profile) => identifyPayload(profile, token) },
    bulkEntry: null,
  }
}
