/** Shortens events that exceed Klaviyo's limits, with warnings that say what was cut. */
import type { Warning } from '../../lib/warning.ts'
import { limits } from '../api/limits.ts'
import type { Event } from './event.ts'
import type { Properties, Value } from './event-properties.ts'

export type Trimmed = { event: Event; warnings: Warning[] }

const tooLarge = (field: string, detail: string): Warning => ({
  code: 'too_large',
  field,
  detail,
})

/** So that an event fits a bulk request together with its profile and the envelope. */
const propertiesBytes = limits.requestBytes - 2 * limits.profileBytes - 10_000

/** JSON of fewer characters holds no list and no text that is too long. */
const certainlySmall = 2 * limits.listItems

/** A quick check of the event's JSON: nearly all are small. */
export function mayBeOversize(event: Event, json: string): boolean {
  return json.length > certainlySmall || Object.keys(event.properties).length > limits.properties
}

/**
 * Cuts texts to 100 KB, lists to 4,000 entries, properties to the first 400 (an order's metadata comes last),
 * and omits the properties of a profile that is too large. If the event still does not fit, `Items` is halved
 * until it does, then the other lists.
 */
export function trimEvent(event: Event): Trimmed {
  const warnings: Warning[] = []
  const profile = trimProfile(event, warnings)
  const properties = trimProperties(event.properties, warnings)
  return { event: { ...event, profile, properties }, warnings }
}

const shrunkTextBytes = 1_000

/**
 * For a server that takes less than Klaviyo's limits: lists are halved until a quarter of the event is left, then long texts
 * are cut. Null when that leaves the event as large as it is.
 */
export function shrinkEvent(event: Event): Trimmed | null {
  const before = bytes(event)
  const cut = new Set<string>()
  let { properties } = event
  for (const name of lists(properties)) properties = halve(name, properties, cut, before / 4)
  if (bytes(properties) > before / 4) properties = trimValues(properties, cut, shrunkTextBytes)
  const shrunk = { ...event, properties, profile: { ...event.profile, properties: {} } }
  if (bytes(shrunk) >= before) return null
  const warnings = [...cut].map((name) =>
    tooLarge(name, `${name} cut: the event is too large for the server`),
  )
  if (Object.keys(event.profile.properties).length > 0) {
    const detail = 'properties of the customer omitted: the event is too large for the server'
    warnings.push(tooLarge('customer.metadata', detail))
  }
  return { event: shrunk, warnings }
}

function trimProfile({ profile }: Event, warnings: Warning[]): Event['profile'] {
  if (bytes(profile) <= limits.profileBytes) return profile
  const detail = 'properties of the customer omitted: the profile exceeds Klaviyo’s size limit'
  warnings.push(tooLarge('customer.metadata', detail))
  return { ...profile, properties: {} }
}

function trimProperties(given: Properties, warnings: Warning[]): Properties {
  let properties = given
  const names = Object.keys(properties)
  if (names.length > limits.properties) {
    properties = Object.fromEntries(Object.entries(properties).slice(0, limits.properties))
    const detail = `properties cut from ${names.length} to ${limits.properties}`
    warnings.push(tooLarge('metadata', detail))
  }
  const cut = new Set<string>()
  properties = trimValues(properties, cut, limits.textBytes)
  for (const name of lists(properties)) properties = halve(name, properties, cut, propertiesBytes)
  for (const name of cut)
    warnings.push(tooLarge(name, `${name} cut: the event exceeds Klaviyo’s limits`))
  return properties
}

function trimValues(properties: Properties, cut: Set<string>, textBytes: number): Properties {
  return Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [
      name,
      trimValue(value, textBytes, () => cut.add(name)),
    ]),
  )
}

function trimValue(value: Value, textBytes: number, onCut: () => void): Value {
  if (typeof value === 'string') return trimText(value, textBytes, onCut)
  if (typeof value !== 'object') return value
  if (Array.isArray(value)) {
    if (value.length > limits.listItems) onCut()
    return value.slice(0, limits.listItems).map((entry) => trimValue(entry, textBytes, onCut))
  }
  const entries = Object.entries(value).map(([key, inner]) => [
    key,
    trimValue(inner, textBytes, onCut),
  ])
  return Object.fromEntries(entries)
}

function trimText(text: string, textBytes: number, onCut: () => void): string {
  if (Buffer.byteLength(text) <= textBytes) return text
  onCut()
  return Buffer.from(text)
    .subarray(0, textBytes)
    .toString()
    .replace(/(?<!\ufffd)\ufffd+$/, '')
}

/** Items first: their names are in ItemNames and in the Ordered Product events too. */
function lists(properties: Properties): string[] {
  const names = Object.keys(properties).filter((name) => Array.isArray(properties[name]))
  return names.sort((a, b) => Number(b.endsWith('Items')) - Number(a.endsWith('Items')))
}

function halve(name: string, given: Properties, cut: Set<string>, maxBytes: number): Properties {
  let properties = given
  let list = properties[name]
  while (Array.isArray(list) && list.length > 0 && bytes(properties) > maxBytes) {
    cut.add(name)
    list = list.slice(0, Math.floor(list.length / 2))
    properties = { ...properties, [name]: list }
  }
  return properties
}

function bytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value))
}
