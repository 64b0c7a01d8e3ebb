/** In charge of what one request says of one person: who it is, and what is to change. */

import type { JsonObject } from '../api/json-object.ts'
import type { ProfileData } from '../api/schemas.ts'

/** In the order in which Klaviyo looks a person up. */
export const IDENTIFIERS = ['email', 'phone_number', 'external_id', 'anonymous_id', '_kx'] as const
export type Identifier = (typeof IDENTIFIERS)[number]
export type Identifiers = Partial<Record<Identifier, string>>

export type Patch = { append: JsonObject; unappend: JsonObject; unset: string[] }

/** A key that is absent says nothing; null clears. */
export type ProfileInput = {
  id: string | null
  identifiers: Identifiers
  fields: JsonObject
  location: JsonObject
  properties: JsonObject
  patch: Patch
}

export function profileInput(data: ProfileData): ProfileInput {
  const { email, phone_number, external_id, anonymous_id, _kx, ...rest } = data.attributes
  const { location, properties, meta, ...fields } = rest
  return {
    id: data.id ?? null,
    identifiers: identifiersOf({ email, phone_number, external_id, anonymous_id, _kx }),
    fields,
    location: location ?? {},
    properties: properties ?? {},
    patch: patchOf((meta ?? data.meta)?.patch_properties ?? {}),
  }
}

type Part = 'identifiers' | 'fields' | 'location'

/** Where Track's special properties, which carry a `$`, belong today. */
const TRACK_NAMES = new Map<string, [Part, string]>([
  ['$email', ['identifiers', 'email']],
  ['$phone_number', ['identifiers', 'phone_number']],
  ['$id', ['identifiers', 'external_id']],
  ['$anonymous', ['identifiers', 'anonymous_id']],
  ['$first_name', ['fields', 'first_name']],
  ['$last_name', ['fields', 'last_name']],
  ['$organization', ['fields', 'organization']],
  ['$title', ['fields', 'title']],
  ['$image', ['fields', 'image']],
  ['$address1', ['location', 'address1']],
  ['$address2', ['location', 'address2']],
  ['$city', ['location', 'city']],
  ['$region', ['location', 'region']],
  ['$zip', ['location', 'zip']],
  ['$country', ['location', 'country']],
  ['$timezone', ['location', 'timezone']],
])

/** What is not special is a custom property. */
export function trackProfileInput(customerProperties: JsonObject): ProfileInput {
  const parts: Record<Part | 'properties', JsonObject> = {
    identifiers: {},
    fields: {},
    location: {},
    properties: {},
  }
  for (const [key, value] of Object.entries(customerProperties)) {
    const [part, name] = TRACK_NAMES.get(key) ?? ['properties', key]
    parts[part][name] = value
  }
  return { id: null, ...parts, identifiers: identifiersOf(parts.identifiers), patch: patchOf({}) }
}

/** One text for the same person, whatever else is said: it tells repeats within one request. */
export function identityOf(person: ProfileInput): string {
  const first = IDENTIFIERS.find((name) => person.identifiers[name])
  return person.id ?? (first ? keyOf(first, person.identifiers[first] ?? '') : '')
}

export function hasIdentifier(person: ProfileInput): boolean {
  return identityOf(person) !== ''
}

/** E-mail addresses are compared in lower case. */
export function keyOf(name: Identifier, value: string): string {
  return `${name}:${name === 'email' ? value.toLowerCase() : value}`
}

function identifiersOf(attributes: JsonObject): Identifiers {
  const identifiers: Identifiers = {}
  for (const name of IDENTIFIERS) {
    const value = attributes[name]
    if (typeof value === 'string' && value) identifiers[name] = value
  }
  return identifiers
}

type PatchProperties = NonNullable<NonNullable<ProfileData['meta']>['patch_properties']>

function patchOf({ append, unappend, unset }: PatchProperties): Patch {
  return { append: append ?? {}, unappend: unappend ?? {}, unset: unset ? [unset].flat() : [] }
}
