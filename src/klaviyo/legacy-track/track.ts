/** In charge of the brief's payloads for the Track and Identify APIs, exactly: every key and their order. */
import type { Event } from '../mapping/event.ts'
import type { Properties } from '../mapping/event-properties.ts'
import type { Profile } from '../mapping/profile.ts'

/** The time is in seconds, as these APIs want it. They know no backfill. */
export function trackPayload(event: Event, token: string): Properties {
  const { profile } = event
  return {
    token,
    event: event.metric,
    customer_properties: {
      ...person(profile),
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
      ...person(profile),
      ...(profile.recentStore && { MostRecentStoreId: profile.recentStore.id }),
      ...(profile.recentStore?.location && {
        MostRecentStoreLocation: profile.recentStore.location,
      }),
    },
  }
}

/** The telephone stands after the names and before the address, and is sent as the merchant wrote it. */
function person({ email, phone, personal, properties }: Profile): Properties {
  const { first_name, last_name, ...address } = personal
  const own = { email, first_name, last_name, phone_number: phone, ...address }
  const told = Object.entries(own).filter(([, value]) => value !== null && value !== undefined)
  return {
    ...Object.fromEntries(told.map(([key, value]) => [`$${key}`, value ?? ''])),
    ...properties,
  }
}
