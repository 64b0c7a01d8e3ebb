/** What Klaviyo accepts as an email address and as a phone number. */
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { droppedEmailDomains, limits } from '../api/limits.ts'

const emailPattern =
  /^[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+(\.[\p{L}\p{N}!#$%&'*+/=?^_`{|}~-]+)*@([\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}[\p{L}\p{N}-]*[\p{L}\p{N}]$/u

/** The address trimmed; null when Klaviyo would reject it. */
export function usableEmail(email: string): string | null {
  const trimmed = email.trim()
  if (trimmed.length > limits.email || trimmed.indexOf('@') > 64) return null
  return emailPattern.test(trimmed) ? trimmed : null
}

/** Klaviyo accepts such an address with a 202 and then records nothing. */
export function isDroppedEmail(email: string): boolean {
  return droppedEmailDomains.includes(email.slice(email.indexOf('@') + 1).toLowerCase())
}

/** In E.164; a number without a country code is read as one of `countryCode`. Null when it is not valid. */
export function e164(phone: string, countryCode: string | null): string | null {
  const defaultCountry =
    countryCode !== null && isSupportedCountry(countryCode) ? countryCode : undefined
  const parsed = parsePhoneNumberFromString(phone, {
    extract: false,
    ...(defaultCountry && { defaultCountry }),
  })
  return parsed?.isValid() ? parsed.number : null
}
