/** One letter too many, too few or another one, or two exchanged, in a name long enough for that to be no accident. */
export function isNearly(name: string, known: string): boolean {
  if (known.length < 8 || Math.abs(name.length - known.length) > 1) return false
  let start = 0
  while (start < name.length && name[start] === known[start]) start++
  const rest = name.slice(start)
  const knownRest = known.slice(start)
  const exchanged = `${rest[1] ?? ''}${rest[0] ?? ''}${rest.slice(2)}`
  return (
    rest.slice(1) === knownRest.slice(1) ||
    rest.slice(1) === knownRest ||
    rest === knownRest.slice(1) ||
    exchanged === knownRest
  )
}
