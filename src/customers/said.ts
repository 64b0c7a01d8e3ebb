const saysNothing = /^(#?n[/.\\]a\.?|[-–—_.,;:*?/#\s]*)$/i

/** The text trimmed; null when it says nothing: blank, n/a, dashes. The database has the same rule. */
export function said(given: string | null | undefined): string | null {
  const trimmed = given?.trim() ?? ''
  return saysNothing.test(trimmed) ? null : trimmed
}
