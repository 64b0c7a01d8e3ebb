/** A value of a customer's field as a warning shows it: enough to recognize it, not enough to use it. The database has the same rule. */
export function maskValue(field: string, value: string): string {
  // By code points: Postgres stores no half of a surrogate pair.
  const characters = [...value]
  if (field === 'phone_number') return `***${characters.slice(-2).join('')}`
  const at = characters.indexOf('@')
  return `${characters[0] ?? ''}***${at < 0 ? '' : characters.slice(at, at + 100).join('')}`
}
