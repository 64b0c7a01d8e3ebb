/** The guide's payloads for the Track and Identify APIs, exactly: every key, in its order. */
import type { Event } from '../mapping/event.ts'
import type { Properties } from '../mapping/event-properties.ts'
import type { Profile } from '../mapping/profile.ts'

/** The time is in seconds. These APIs have no backfill. */
export function trackPayload(event: Event, token: string): Properties {
  const { profile } = event
  return {
    token,
    event: event.metric,
    customer_properties: {
      ...customer(profile),
      ...(profile.recentStore?.location && {
        MostRecentStoreLocation: profile.recentStore.location,
      }),
      ...(profile.recentStore && { MostRecentStoreId: profile.recentStore.id }),
    },
    properties: {
      $event_id: event.uniqueId,
      $value: event.value,
      ...event.properties,
    },
    time: Math.floor(event.time.getTime() / 1_000),
  }
}

export function identifyPayload(profile: Profile, token: string): Properties {
  return {
    token,
    properties: {
      ...customer(profile),
      ...(profile.recentStore && { MostRecentStoreId: profile.recentStore.id }),
      ...(profile.recentStore?.location && {
        MostRecentStoreLocation: profile.recentStore.location,
      }),
    },
  }
}

/** The phone number comes after the names and before the address, as the merchant wrote it. */
function customer({ email, phone, personal, properties }: Profile): Properties {
  const { first_name, last_name, ...address } = personal
  const own = { email, first_name, last_name, phone_number: phone, ...address }
  const present = Object.entries(own).filter(([, value]) => value !== null && value !== undefined)
  return {
    ...Object.fromEntries(present.map(([key, value]) => [`$${key}`, value ?? ''])),
    ...properties,
  }
}
