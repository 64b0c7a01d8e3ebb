/** Bodies of Klaviyo's Events and Profiles APIs, and where their errors point. */
import { maskValue } from '../../lib/mask-value.ts'
import type { Warning } from '../../lib/warning.ts'
import type { Event } from '../mapping/event.ts'
import type { Contact, Profile } from '../mapping/profile.ts'
import type { ApiError } from './send-result.ts'

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

/**
 * The identifier that an error is about, whether of an event, of an entry in bulk or of a profile. Of two that belong
 * to different profiles the telephone number: Klaviyo finds a profile by its e-mail first.
 */
export function rejectedContact({ pointer, code }: ApiError): Contact | null {
  if (code === 'duplicate_profile') return 'phone_number'
  const found = /\/attributes\/(email|phone_number)$/.exec(pointer ?? '')?.[1]
  return found === 'email' || found === 'phone_number' ? found : null
}

/** The field that an error points at and what was sent in it, masked; null when it points at none. */
export function rejectedField(body: string, pointer: string | undefined): Warning | null {
  const path = /^.*\/attributes\/(.+)$/.exec(pointer ?? '')?.[1]?.split('/')
  if (!path) return null
  const detail = `${sentField(body, path) ?? path.join('.')} rejected by Klaviyo`
  return { code: 'rejected', field: fieldOf(path), detail }
}

/** A field that Klaviyo recorded the rest without; null when it was not sent. */
export function notRecorded(body: string, field: string): Warning | null {
  const sent = sentField(body, [field])
  const detail = `${sent} not recorded: Klaviyo accepted the rest`
  return sent === null ? null : { code: 'not_recorded', field: fieldOf([field]), detail }
}

function fieldOf(path: readonly string[]): string {
  const name = path.join('.')
  return name === 'email' || name === 'phone_number' ? `customer.${name}` : name
}

/** Such as `location.city "B***"`; null when the body has no such field. */
function sentField(body: string, path: readonly string[]): string | null {
  const value = attributesOf(body)
    .map((attributes) => valueAt(attributes, path))
    .find((found) => found !== undefined)
  return value === undefined ? null : `${path.join('.')} "${maskValue(path.at(-1) ?? '', value)}"`
}

/** Those of the profile, then those of the event, wherever the body has them. */
function attributesOf(body: string): unknown[] {
  const places = [
    ['data', 'attributes', 'profile', 'data', 'attributes'],
    ['attributes', 'profile', 'data', 'attributes'],
    ['data', 'attributes'],
    ['attributes', 'events', 'data', '0', 'attributes'],
  ]
  const parsed: unknown = JSON.parse(body)
  return places.map((path) => path.reduce(memberOf, parsed))
}

function valueAt(attributes: unknown, path: readonly string[]): string | undefined {
  const value = path.reduce(memberOf, attributes)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.entries(value).find(([name]) => name === key)?.[1]
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
