/** What one request says about a profile: its identifiers and the changes to it. */
import type { JsonObject } from '../api/json.ts'
import type { ProfileData } from '../api/schemas.ts'

/** In the order in which Klaviyo looks a profile up. */
export const IDENTIFIERS = ['email', 'phone_number', 'external_id', 'anonymous_id', '_kx'] as const
export type Identifier = (typeof IDENTIFIERS)[number]
export type Identifiers = Partial<Record<Identifier, string>>

export type Patch = { append: JsonObject; unappend: JsonObject; unset: string[] }

/** An absent key leaves a field as it is; null clears it. */
export type ProfileInput = {
  id: string | null
  identifiers: Identifiers
  fields: JsonObject
  location: JsonObject
  properties: JsonObject
  patch: Patch
}

export function readProfile(data: ProfileData): ProfileInput {
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

/** Track's special properties, which begin with `$`, and their places in today's API. */
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

/** All other properties are custom properties. */
export function readTrackProfile(customerProperties: JsonObject): ProfileInput {
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

/** The same key for the same profile: it finds duplicates within a request. */
export function identityOf(input: ProfileInput): string {
  const first = IDENTIFIERS.find((name) => input.identifiers[name])
  return input.id ?? (first ? keyOf(first, input.identifiers[first] ?? '') : '')
}

export function hasIdentifier(input: ProfileInput): boolean {
  return identityOf(input) !== ''
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
