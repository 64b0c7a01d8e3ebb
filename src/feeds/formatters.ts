/** Items as JSON and XML text. */
import type { FeedFormat, FeedFrame, FeedName } from '../db/schema/feeds.ts'
import { categories, type Item, type ItemValue } from './item.ts'

export type Formatter = FeedFrame & {
  item: (item: Item) => string
  /** Text of a field's value, as `item` writes it. */
  text: (value: string) => string
  /** What precedes and what follows the text of a field; found nowhere else in an item before that field. */
  around: (field: string) => readonly [before: string, after: string]
}

const json: Formatter = {
  contentType: 'application/json; charset=utf-8',
  head: '[\n',
  separator: ',\n',
  tail: '\n]\n',
  item: (item) => JSON.stringify(item),
  text: (value) => JSON.stringify(value).slice(1, -1),
  around: (field) => [`"${field}":"`, '"'],
}

const xml = (root: string, element: string): Formatter => ({
  contentType: 'application/xml; charset=utf-8',
  head: `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n`,
  separator: '\n',
  tail: `\n</${root}>\n`,
  item: (item) => `<${element}>${xmlFields(item)}</${element}>`,
  text: escapeXml,
  around: (field) => [`<${field}>`, `</${field}>`],
})

function xmlFields(item: Item): string {
  let fields = ''
  for (const [name, value] of Object.entries(item)) {
    if (value === undefined) continue
    // An XML name cannot contain the `$` of Klaviyo's own names.
    const tag = name.charCodeAt(0) === 36 ? name.slice(1) : name
    fields += `<${tag}>${escapeXml(xmlText(value))}</${tag}>`
  }
  return fields
}

/** Lists are comma-joined, so commas inside an entry become spaces. */
function xmlText(value: ItemValue): string {
  if (typeof value === 'string') return value
  if (typeof value !== 'object') return String(value)
  const plain = value.some((one) => one.includes(','))
    ? categories(value.map(withoutCommas))
    : value
  return plain.join(',')
}

/** By split: a pattern with white space on both sides takes quadratic time. */
const withoutCommas = (text: string) =>
  text
    .split(',')
    .map((part) => part.trim())
    .join(' ')

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }
const special = /[&<>\r]/

/** A bare carriage return would be read as a line feed. */
function escapeXml(value: string): string {
  return special.test(value)
    ? value.replace(/[&<>\r]/g, (character) => escapes[character] ?? character)
    : value
}

export const formatters: Record<FeedName, Record<FeedFormat, Formatter>> = {
  products: { json, xml: xml('Products', 'Product') },
  stores: { json, xml: xml('Stores', 'Store') },
}
