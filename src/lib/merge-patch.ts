type Fields = Record<string, unknown>

/** JSON merge patch (RFC 7396): a null removes the member. Neither argument is changed. */
export function mergePatch(target: Fields, patch: Fields): Fields {
  const merged = new Map(Object.entries(target))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key)
    else merged.set(key, isFields(value) ? mergePatch(asFields(merged.get(key)), value) : value)
  }
  return Object.fromEntries(merged)
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const asFields = (value: unknown): Fields => (isFields(value) ? value : {})
