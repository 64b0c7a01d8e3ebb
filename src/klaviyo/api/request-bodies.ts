/** Bodies of Klaviyo's Events and Profiles APIs, and where their errors point. */
import type { Event } from '../mapping/event.ts'
import type { Contact, Profile } from '../mapping/profile.ts'

/** Body of `POST /api/events`. */
export function eventBody(event: Event) {
  const attributes = { ...eventAttributes(event), profile: { data: profileData(event.profile) } }
  return { data: { type: 'event', attributes } }
}

/** One entry of {@link bulkBody}. */
export function bulkEntry(event: Event) {
  return {
    type: 'event-bulk-create',
    attributes: {
      profile: { data: profileData(event.profile) },
      events: { data: [{ type: 'event', attributes: eventAttributes(event) }] },
    },
  }
}

/** Body of `POST /api/event-bulk-create-jobs`, from entries that are JSON already: nothing is serialized twice. */
export function bulkBody(entries: readonly string[]): string {
  return `${bulkBodyStart}${entries.join(',')}${bulkBodyEnd}`
}

const bulkBodyStart =
  '{"data":{"type":"event-bulk-create-job","attributes":{"events-bulk-create":{"data":['
const bulkBodyEnd = ']}}}}'

/** The index of the entry that an error of the bulk endpoint points at. */
export function bulkIndex(pointer: string | undefined): number | null {
  const found = /\/events-bulk-create\/data\/(\d+)(\/|$)/.exec(pointer ?? '')
  return found ? Number(found[1]) : null
}

/** The identifier that an error points at, whether of an event, of an entry in bulk or of a profile. */
export function contactAt(pointer: string | undefined): Contact | null {
  const found = /\/attributes\/(email|phone_number)$/.exec(pointer ?? '')?.[1]
  return found === 'email' || found === 'phone_number' ? found : null
}

/** Body of `POST /api/profile-import`. */
export function profileBody(profile: Profile) {
  return { data: profileData(profile) }
}

function eventAttributes(event: Event) {
  return {
    properties: event.properties,
    time: event.time.toISOString(),
    value: event.value,
    value_currency: event.currency,
    unique_id: event.uniqueId,
    ...(event.backfill && { backfill: true }),
    metric: { data: { type: 'metric', attributes: { name: event.metric } } },
  }
}

function profileData({ email, e164, personal, properties, recentStore }: Profile) {
  const { first_name, last_name, ...location } = personal
  const own = {
    ...properties,
    ...(recentStore?.location && { MostRecentStoreLocation: recentStore.location }),
    ...(recentStore && { MostRecentStoreId: recentStore.id }),
  }
  return {
    type: 'profile',
    attributes: {
      ...(email && { email }),
      ...(e164 && { phone_number: e164 }),
      ...(first_name && { first_name }),
      ...(last_name && { last_name }),
      ...(Object.keys(location).length > 0 && { location }),
      ...(Object.keys(own).length > 0 && { properties: own }),
    },
  }
}
