/** From a field of a record to the text of a form, and back. */
import { z } from 'zod'
import type { FieldKind } from './kinds.ts'

const metadataValues = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
const numberText = /^-?\d+(\.\d+)?$/
const oneLine = (text: string) => text.replaceAll('\r\n', '\n')

export function textOf(kind: FieldKind, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (kind === 'list') return z.array(z.string()).parse(value).join('\n')
  if (kind === 'metadata') return metadataText(value)
  if (kind === 'money' && typeof value === 'number')
    return /\.\d{3,}/.test(String(value)) ? String(value) : value.toFixed(2)
  return oneLine(String(value))
}

const metadataText = (value: unknown) =>
  Object.entries(metadataValues.parse(value))
    .map(([name, one]) => `${name} = ${isTyped(one) ? JSON.stringify(one) : one}`)
    .join('\n')

/** A text that would be read as something else, or as several lines, is quoted. */
const isTyped = (value: string | number | boolean) =>
  typeof value !== 'string' ||
  numberText.test(value) ||
  /^(true|false|".*)?$/s.test(value) ||
  /\n|^\s|\s$/.test(value)

/** What cannot be read stays a text, which the API then refuses in words that name it. */
export function readValue(kind: FieldKind, given: string): unknown {
  const text = oneLine(given)
  switch (kind) {
    case 'flag':
      return text === 'true'
    case 'list':
      return text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '')
    case 'number':
    case 'money':
    case 'policy':
      return text.trim() === '' ? null : numberOf(text.trim())
    case 'metadata':
      return Object.fromEntries(metadataLines(text))
    default:
      return text.trim() === '' ? null : text
  }
}

const numberOf = (text: string) => (numberText.test(text) ? Number(text) : text)

function metadataLines(text: string): [string, unknown][] {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.map((line) => {
    const end = line.indexOf('=')
    if (end < 0) return [line, '']
    return [line.slice(0, end).trim(), metadataValue(line.slice(end + 1).trim())]
  })
}

function metadataValue(text: string): unknown {
  if (numberText.test(text)) return Number(text)
  if (text === 'true' || text === 'false') return text === 'true'
  if (!text.startsWith('"')) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A merge patch: what is no longer named becomes null. */
export function metadataChanges(was: string, now: string): Record<string, unknown> {
  const before = Object.fromEntries(metadataLines(oneLine(was)))
  const after = Object.fromEntries(metadataLines(oneLine(now)))
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name))
  const changed = Object.entries(after).filter(([name, value]) => before[name] !== value)
  return Object.fromEntries([...removed.map((name) => [name, null] as const), ...changed])
}

export const isSameText = (one: string, other: string) => oneLine(one) === oneLine(other)
