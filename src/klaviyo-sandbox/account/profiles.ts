/** In charge of the account's profiles: who is who, and how a change is merged into what is known. */
import { isJsonObject, type JsonObject } from '../api/json-object.ts'
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

/** Null when there is none, or when the one found is known by another e-mail or phone: two people, then. */
export function findProfile(people: Profiles, person: ProfileInput): Profile | null {
  if (person.id) return people.byId.get(person.id) ?? null
  for (const name of IDENTIFIERS) {
    const value = person.identifiers[name]
    const profile = value && people.byIdentifier.get(keyOf(name, value))
    if (profile && !contradicts(profile, person, name)) return profile
  }
  return null
}

/** Finds or makes the person's profile and merges what is said of them into it. */
export function saveProfile(
  people: Profiles,
  person: ProfileInput,
): { profile: Profile; isNew: boolean } {
  const found = findProfile(people, person)
  const profile = found ?? emptyProfile(people.byId.size + 1)
  profile.updatedAt = new Date()
  for (const name of IDENTIFIERS) {
    const value = person.identifiers[name]
    if (!value) continue
    profile.identifiers[name] = value
    people.byIdentifier.set(keyOf(name, value), profile)
  }
  merge(profile.fields, person.fields)
  merge(profile.location, person.location)
  merge(profile.properties, person.properties)
  applyPatch(profile.properties, person.patch)
  people.byId.set(profile.id, profile)
  return { profile, isNew: !found }
}

function emptyProfile(number: number): Profile {
  const now = new Date()
  const id = `01SANDBOX${String(number).padStart(17, '0')}`
  const profile = { id, identifiers: {}, fields: {}, location: {}, properties: {} }
  return { ...profile, createdAt: now, updatedAt: now }
}

function contradicts(profile: Profile, person: ProfileInput, foundBy: Identifier): boolean {
  const stronger = IDENTIFIERS.slice(0, IDENTIFIERS.indexOf(foundBy))
  return stronger.some((name) => {
    const [known, said] = [profile.identifiers[name], person.identifiers[name]]
    return known && said && keyOf(name, known) !== keyOf(name, said)
  })
}

function merge(known: JsonObject, said: JsonObject): void {
  for (const name of Object.keys(said)) {
    const value = said[name]
    if (value === null) delete known[name]
    else if (value !== undefined) known[name] = value
  }
}

function applyPatch(known: JsonObject, patch: Patch): void {
  for (const [name, added] of Object.entries(patch.append))
    known[name] = [...new Set([...listOf(known[name]), ...listOf(added)])]
  for (const [name, removed] of Object.entries(patch.unappend))
    known[name] = listOf(known[name]).filter((value) => !listOf(removed).includes(value))
  for (const name of patch.unset) delete known[name]
}

function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  return value === undefined || value === null || isJsonObject(value) ? [] : [value]
}
