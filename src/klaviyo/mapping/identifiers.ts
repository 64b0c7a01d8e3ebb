/** In charge of what Klaviyo accepts as an e-mail address and as a telephone number. */
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { droppedEmailDomains, limits } from '../api/limits.ts'

const emailPattern =
  /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*@([\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}[\p{L}\p{N}-]*[\p{L}\p{N}]$/u

/** The address trimmed; null when Klaviyo would refuse it. */
export function usableEmail(email: string): string | null {
  const trimmed = email.trim()
  if (trimmed.length > limits.email || trimmed.indexOf('@') > 64) return null
  return emailPattern.test(trimmed) ? trimmed : null
}

/** Klaviyo takes such an address with a 202 and then records nothing. */
export function isDroppedEmail(email: string): boolean {
  return droppedEmailDomains.includes(email.slice(email.indexOf('@') + 1).toLowerCase())
}

/** In E.164, a number without a country code read as one of `countryCode`; null when it cannot be one. */
export function e164(phone: string, countryCode: string | null): string | null {
  const known = countryCode !== null && isSupportedCountry(countryCode) ? countryCode : undefined
  const parsed = parsePhoneNumberFromString(phone, {
    extract: false,
    ...(known && { defaultCountry: known }),
  })
  return parsed?.isValid() ? parsed.number : null
}
