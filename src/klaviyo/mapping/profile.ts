/** In charge of what Klaviyo is told about a person: from a customer's row to a profile. */
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
  /** What is unknown is absent: a null would clear it in Klaviyo. */
  personal: PersonalData
  properties: Record<string, string | number | boolean>
  recentStore: RecentStore | null
}

export type ProfileResult = { profile: Profile; warnings: string[] }

/** What Klaviyo tells a person by; named as in its errors. */
export type Contact = 'email' | 'phone_number'

/** In the order in which the brief's payloads have them. */
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

/** Null when nothing is left by which Klaviyo could tell the customer. */
export function toProfile(
  customer: CustomerRecord,
  { store, newest }: { store: StoreRecord | null; newest: boolean },
): ProfileResult | null {
  const email = customer.email?.trim() ? usableEmail(customer.email) : null
  const phone = customer.phone_number?.trim() || null
  const number = phone && e164(phone, store?.country_code ?? null)
  if (!email && !number) return null
  const warnings = [
    customer.email?.trim() && !email && 'email left out: Klaviyo would refuse it',
    phone && !number && 'phone_number left out: it is no number of the country of the store',
    email && isDroppedEmail(email) && 'Klaviyo drops addresses of this domain without a word',
  ].filter((warning): warning is string => !!warning)
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

/** The same person without what Klaviyo refused; null when it was left out before, or nothing else is left to tell them by. */
export function withoutContact(
  { profile, warnings }: ProfileResult,
  refused: Contact,
): ProfileResult | null {
  const rest =
    refused === 'email' ? { ...profile, email: null } : { ...profile, phone: null, e164: null }
  const changed = rest.email !== profile.email || rest.e164 !== profile.e164
  if (!changed || (!rest.email && !rest.e164)) return null
  return { profile: rest, warnings: [...warnings, `${refused} left out: Klaviyo refused it`] }
}

/** Only what tells who it is, and the store: all that the brief sends with line items and visits. */
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
