/** Maps a customer's row to a Klaviyo profile. */
import { maskValue } from '../../lib/mask-value.ts'
import type { Warning } from '../../lib/warning.ts'
import { e164, isDroppedEmail, usableEmail } from './identifiers.ts'
import type { CustomerRecord, StoreRecord } from './records.ts'

type RecentStore = { id: string; location: string | null }

type PersonalData = {
  first_name?: string
  last_name?: string
  address1?: string
  address2?: string
  city?: string
  zip?: string
  region?: string
  country?: string
}

export type Profile = {
  email: string | null
  /** As the merchant wrote it. */
  phone: string | null
  /** The same in E.164; null when it cannot be one. */
  e164: string | null
  /** Unknown fields are absent: a null would clear them in Klaviyo. */
  personal: PersonalData
  properties: Record<string, string | number | boolean>
  recentStore: RecentStore | null
}

export type ProfileResult = { profile: Profile; warnings: Warning[] }

/** The customer has no identifier that Klaviyo accepts. */
export type Unreachable = { profile: null; warnings: Warning[] }

/** What Klaviyo identifies a profile by, named as in its errors. */
export type Contact = 'email' | 'phone_number'

/** In the order of the guide's payloads. */
const personalKeys = [
  'first_name',
  'last_name',
  'address1',
  'address2',
  'city',
  'zip',
  'region',
  'country',
] as const

export function toProfile(
  customer: CustomerRecord,
  { store, newest }: { store: StoreRecord | null; newest: boolean },
): ProfileResult | Unreachable {
  const email = customer.email?.trim() ? usableEmail(customer.email) : null
  const phone = customer.phone_number?.trim() || null
  const number = phone && e164(phone, store?.country_code ?? null)
  const warnings = [
    customer.email?.trim() && !email && omitted('email', customer.email, 'Klaviyo would reject it'),
    phone &&
      !number &&
      omitted('phone_number', phone, 'not a valid number in the country of the store'),
    email && isDroppedEmail(email) && droppedWarning,
  ].filter((warning): warning is Warning => !!warning && typeof warning === 'object')
  if (!email && !number) return { profile: null, warnings }
  return {
    profile: {
      email,
      phone,
      e164: number,
      personal: personalData(customer),
      properties: customer.metadata,
      recentStore: newest && store ? { id: store.id, location: store.location } : null,
    },
    warnings,
  }
}

export function unknownStore(store: StoreRecord | null): Warning[] {
  if (!store || store.location !== null) return []
  const detail = `unknown store "${store.id}": sent without StoreLocation`
  return [{ code: 'unknown_store', field: 'store_id', detail }]
}

const omitted = (contact: Contact, value: string, why: string): Warning => ({
  code: 'contact_omitted',
  field: `customer.${contact}`,
  detail: `${contact} "${maskValue(contact, value.trim())}" omitted: ${why}`,
})

const droppedWarning: Warning = {
  code: 'dropped_domain',
  field: 'customer.email',
  detail: 'Klaviyo silently drops addresses of this domain',
}

/** Without the identifier that Klaviyo rejected; null when it was omitted before, or no other is left. */
export function withoutContact(
  { profile, warnings }: ProfileResult,
  rejected: Contact,
  why: string,
): ProfileResult | null {
  const rest =
    rejected === 'email' ? { ...profile, email: null } : { ...profile, phone: null, e164: null }
  const changed = rest.email !== profile.email || rest.e164 !== profile.e164
  if (!changed || (!rest.email && !rest.e164)) return null
  const value = (rejected === 'email' ? profile.email : profile.e164) ?? ''
  return { profile: rest, warnings: [...warnings, omitted(rejected, value, why)] }
}

/** One identifier and the store: all that the guide sends with line items and visits. */
export function identifierOnly(profile: Profile): Profile {
  const byPhone = profile.email === null
  return {
    ...profile,
    phone: byPhone ? profile.phone : null,
    e164: byPhone ? profile.e164 : null,
    personal: {},
    properties: {},
  }
}

function personalData(customer: CustomerRecord): PersonalData {
  const data: PersonalData = {}
  for (const key of personalKeys) {
    const value = customer[key]?.trim()
    if (value) data[key] = value
  }
  return data
}
