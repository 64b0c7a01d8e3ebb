/** What a feed item is, and the rules that hold for every field of it. */
import { domainToASCII } from 'node:url'
import type { CatalogFields } from '../catalog/catalog-fields.ts'

/** A field's value. Lists are of categories only; what is undefined is left out. */
export type ItemValue = string | number | boolean | readonly string[]
/** The fields in the order in which they are written, by the names that JSON gives them; XML does without the `$`. */
export type Item = Record<string, ItemValue | undefined>

/** What Klaviyo's guide wants where there is nothing: an empty text would make it skip the whole item. */
const missing = 'n/a'

/** XML 1.0 can hold none of these, however escaped, nor half of a surrogate pair; JSON does without them too. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const forbidden = /[\0-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\p{Cs}]/gu

/** Never empty: trimmed, without forbidden characters, `n/a` when nothing is left. */
export function text(value: string | null | undefined): string {
  return value?.replace(forbidden, '').trim() || missing
}

const isAscii = /^[!-~]*$/

/**
 * Percent-encoded where an address may not hold the character as it is; what is encoded already stays. A host's
 * non-ASCII name becomes Punycode.
 */
export function address(value: string | null | undefined): string {
  const given = text(value)
  const [, scheme = '', host = '', rest = ''] = /^(https?:\/\/)([^/?#]*)(.*)$/is.exec(given) ?? []
  if (scheme === '') return encode(given)
  return scheme + (isAscii.test(host) ? host : domainToASCII(host) || encode(host)) + encode(rest)
}

/** Everything but printable ASCII, what RFC 3986 leaves no place for, and a percent sign that encodes nothing. */
const encode = (part: string) =>
  part.replace(/[^!-~]+|["<>\\^`{|}]|%(?![0-9a-f]{2})/gi, encodeURIComponent)

/** Distinct and never empty. */
export function categories(given: readonly string[]): string[] {
  const kept = new Set(given.map(text))
  kept.delete(missing)
  return kept.size > 0 ? [...kept] : [missing]
}

/** Adds the fields that the feed has under their own names, in the order in which they are declared. */
export function fieldsWriter(fields: CatalogFields) {
  const names = Object.entries(fields).flatMap(([name, { feed }]) =>
    feed === 'text' || feed === 'number' ? [{ name, isText: feed === 'text' }] : [],
  )
  return (item: Item, row: Readonly<Record<string, unknown>>): void => {
    for (const { name, isText } of names) {
      const value = row[name]
      if (isText) item[name] = text(typeof value === 'string' ? value : null)
      else if (typeof value === 'number') item[name] = value
    }
  }
}

/** Adds the merchant's own fields, under their own names. */
export function addMetadata(item: Item, given: Record<string, string | number | boolean>): void {
  for (const [name, value] of Object.entries(given))
    item[name] = typeof value === 'string' ? text(value) : value
}
