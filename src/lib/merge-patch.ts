import { isObject } from './is-object.ts'

type Fields = Record<string, unknown>

/** JSON merge patch (RFC 7396): a null removes the member. Neither argument is changed. */
export function mergePatch(target: Fields, patch: Fields): Fields {
  const merged = new Map(Object.entries(target))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, isObject(value) ? mergePatch(asFields(merged.get(key)), value) : value)
  }
  return Object.fromEntries(merged)
}

const asFields = (value: unknown): Fields => (isObject(value) ? value : {})
