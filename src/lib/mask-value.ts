/** A value of a customer's field as a warning shows it: enough to recognize it, not enough to use it. The database has the same rule. */
export function maskValue(field: string, value: string): string {
  if (field === 'phone_number') return `***${value.slice(-2)}`
  const at = value.indexOf('@')
  return `${[...value].slice(0, 1).join('')}***${at < 0 ? '' : value.slice(at, at + 100)}`
}
