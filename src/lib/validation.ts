/** What is wrong with a field, in words that name its value. */
import { z } from 'zod'
import { type FieldError, maxFieldErrors } from './errors.ts'

const maxShown = 40
const maxKnownFields = 50
/** Of a name that the client made up. */
const maxNameShown = 100

/** Of the merchant's own fields. */
export const maxRecordKeys = 100

const typeNames: Partial<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  object: 'an object',
  record: 'an object',
}

/** To be handed to zod's `parse` as `error`: used where a schema has no message of its own. */
export const errorMap = wordingWith((shown) => `, got ${shown}`)

/** For settings: their values may be secret. */
export const errorMapWithoutValues = wordingWith(() => '')

function wordingWith(got: (shown: string) => string): z.core.$ZodErrorMap {
  return (issue) => {
    switch (issue.code) {
      case 'invalid_type':
        if (issue.input === undefined) return 'is missing'
        return `must be ${typeNames[issue.expected] ?? issue.expected}${got(show(issue.input))}`
      case 'invalid_value':
        return `must be one of ${issue.values.map(String).join(', ')}${got(show(issue.input))}`
      case 'too_big':
        return `${limit(issue.input, 'at most', issue.maximum)}${got(size(issue.input))}`
      case 'too_small':
        return `${limit(issue.input, 'at least', issue.minimum)}${got(size(issue.input))}`
      case 'unrecognized_keys':
        return unknownField(issue.inst)
      case 'invalid_key':
      case 'invalid_element':
        return issue.issues[0]?.message
      default:
        return `is not valid${got(show(issue.input))}`
    }
  }
}

/** Fields by their dotted paths, at most {@link maxFieldErrors}; an unknown field is named itself, so that a typing error is found. */
export function fieldErrors(issues: readonly z.core.$ZodIssue[]): FieldError[] {
  const errors: FieldError[] = []
  for (const issue of issues) {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys.slice(0, maxFieldErrors) : [null]
    for (const key of keys) {
      if (errors.length === maxFieldErrors) return errors
      const path = key === null ? issue.path : [...issue.path, key]
      errors.push({ field: path.map(shownName).join('.'), detail: issue.message })
    }
  }
  return errors
}

function shownName(part: PropertyKey): string {
  const name = String(part)
  return name.length > maxNameShown ? `${name.slice(0, maxNameShown)}…` : name
}

/** Short, and without what is inside of objects. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  return value.length > maxShown
    ? `${JSON.stringify(value.slice(0, maxShown)).slice(0, -1)}…"`
    : JSON.stringify(value)
}

function limit(value: unknown, bound: string, count: number | bigint): string {
  if (typeof value === 'string') return `must have ${bound} ${plural(count, 'character')}`
  if (Array.isArray(value))
    return `must have ${bound} ${count} ${Number(count) === 1 ? 'entry' : 'entries'}`
  return `must be ${bound} ${count}`
}

const plural = (count: number | bigint, noun: string) =>
  `${count} ${noun}${Number(count) === 1 ? '' : 's'}`

const size = (value: unknown) =>
  typeof value === 'string' || Array.isArray(value) ? String(value.length) : show(value)

function unknownField(schema: unknown): string {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  if (known.length === 0) return 'unknown field'
  const rest = known.length > maxKnownFields ? ', …' : ''
  return `unknown field (the known ones: ${known.slice(0, maxKnownFields).join(', ')}${rest})`
}
