/** In charge of how big and how deep the properties of an event or a profile may be. */
import { isJsonObject, type JsonObject } from './json-object.ts'
import { LIMITS } from './limits.ts'

export type ContentFault = { path: (string | number)[]; detail: string }

/** The first thing in these properties that Klaviyo would refuse, or null. */
export function findContentFault(properties: JsonObject): ContentFault | null {
  const names = Object.keys(properties).length
  if (names > LIMITS.properties)
    return faultHere(`Must not exceed ${LIMITS.properties} properties, has ${names}.`)
  return inspect(properties, 1)
}

function inspect(value: unknown, level: number): ContentFault | null {
  if (typeof value === 'string') return inspectText(value)
  if (typeof value !== 'object' || value === null) return null
  if (level > LIMITS.levels)
    return faultHere(`Must not be nested deeper than ${LIMITS.levels} levels.`)
  if (Array.isArray(value)) return inspectList(value, level)
  return isJsonObject(value) ? inspectObject(value, level) : null
}

function inspectText(text: string): ContentFault | null {
  const mayBeTooBig = text.length * 3 > LIMITS.stringBytes
  if (!mayBeTooBig || Buffer.byteLength(text) <= LIMITS.stringBytes) return null
  return faultHere(`A string must not exceed ${LIMITS.stringBytes} bytes.`)
}

function inspectList(list: unknown[], level: number): ContentFault | null {
  if (list.length > LIMITS.arrayItems)
    return faultHere(`A list must not exceed ${LIMITS.arrayItems} items.`)
  for (const [index, item] of list.entries()) {
    const fault = inspect(item, level + 1)
    if (fault) return { ...fault, path: [index, ...fault.path] }
  }
  return null
}

function inspectObject(object: JsonObject, level: number): ContentFault | null {
  for (const key of Object.keys(object)) {
    const fault = inspect(object[key], level + 1)
    if (fault) return { ...fault, path: [key, ...fault.path] }
  }
  return null
}

function faultHere(detail: string): ContentFault {
  return { path: [], detail }
}
