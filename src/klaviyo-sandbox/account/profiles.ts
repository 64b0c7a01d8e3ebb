/** The account's profiles: identity resolution, and merging of changes. */
import { isJsonObject, type JsonObject } from '../api/json.ts'
import {
  IDENTIFIERS,
  type Identifier,
  type Identifiers,
  keyOf,
  type Patch,
  type ProfileInput,
} from './profile-input.ts'

export type Profile = {
  id: string
  identifiers: Identifiers
  fields: JsonObject
  location: JsonObject
  properties: JsonObject
  createdAt: Date
  updatedAt: Date
}

export type Profiles = { byId: Map<string, Profile>; byIdentifier: Map<string, Profile> }

export function createProfiles(): Profiles {
  return { byId: new Map(), byIdentifier: new Map() }
}

/** Null when there is none, or when the one found has another value of a stronger identifier: that is someone else. */
export function findProfile(profiles: Profiles, input: ProfileInput): Profile | null {
  if (input.id) return profiles.byId.get(input.id) ?? null
  for (const name of IDENTIFIERS) {
    const value = input.identifiers[name]
    const profile = value && profiles.byIdentifier.get(keyOf(name, value))
    if (profile && !contradicts(profile, input, name)) return profile
  }
  return null
}

/** The profile that has the telephone number already, when the input's e-mail is of another one. */
export function findPhoneHolder(profiles: Profiles, input: ProfileInput): Profile | null {
  const { email, phone_number } = input.identifiers
  if (!email || !phone_number) return null
  const byEmail = profiles.byIdentifier.get(keyOf('email', email))
  const byPhone = profiles.byIdentifier.get(keyOf('phone_number', phone_number))
  return byEmail && byPhone && byEmail !== byPhone ? byPhone : null
}

/** Finds or creates the profile and merges the input into it. */
export function saveProfile(
  profiles: Profiles,
  input: ProfileInput,
): { profile: Profile; isNew: boolean } {
  const found = findProfile(profiles, input)
  const profile = found ?? emptyProfile(profiles.byId.size + 1)
  profile.updatedAt = new Date()
  for (const name of IDENTIFIERS) {
    const value = input.identifiers[name]
    if (!value) continue
    profile.identifiers[name] = value
    profiles.byIdentifier.set(keyOf(name, value), profile)
  }
  merge(profile.fields, input.fields)
  merge(profile.location, input.location)
  merge(profile.properties, input.properties)
  applyPatch(profile.properties, input.patch)
  profiles.byId.set(profile.id, profile)
  return { profile, isNew: !found }
}

function emptyProfile(number: number): Profile {
  const now = new Date()
  const id = `01SANDBOX${String(number).padStart(17, '0')}`
  const profile = { id, identifiers: {}, fields: {}, location: {}, properties: {} }
  return { ...profile, createdAt: now, updatedAt: now }
}

function contradicts(profile: Profile, input: ProfileInput, foundBy: Identifier): boolean {
  const stronger = IDENTIFIERS.slice(0, IDENTIFIERS.indexOf(foundBy))
  return stronger.some((name) => {
    const [current, given] = [profile.identifiers[name], input.identifiers[name]]
    return current && given && keyOf(name, current) !== keyOf(name, given)
  })
}

function merge(current: JsonObject, changes: JsonObject): void {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete current[name]
    else if (value !== undefined) current[name] = value
  }
}

function applyPatch(current: JsonObject, patch: Patch): void {
  for (const [name, added] of Object.entries(patch.append))
    current[name] = [...new Set([...listOf(current[name]), ...listOf(added)])]
  for (const [name, removed] of Object.entries(patch.unappend))
    current[name] = listOf(current[name]).filter((value) => !listOf(removed).includes(value))
  for (const name of patch.unset) delete current[name]
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null || isJsonObject(value) ? [] : [value]
}
