/** Reads NDJSON line by line, and applies a mapping to each object. */

import { AppError } from '../lib/errors.ts'
import { isObject } from '../lib/is-object.ts'
import { readCell } from './cells.ts'
import type { MappedRecord } from './column-mapping.ts'
import type { Columns } from './columns.ts'
import { type Mapping, rejectColumns } from './mapping.ts'

export type JsonLine = { line: number; text: string }

const maxLineCharacters = 8_000_000

/** Blank lines are counted and skipped. */
export async function* readLines(
  name: string,
  chunks: AsyncIterable<string>,
): AsyncGenerator<JsonLine> {
  let rest = ''
  let line = 0
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > maxLineCharacters)
      throw new AppError('invalid', `${name} has a line longer than 8 MB.`)
    for (const text of lines) {
      line++
      if (text.trim() !== '') yield { line, text: text.trim() }
    }
  }
  if (rest.trim() !== '') yield { line: line + 1, text: rest.trim() }
}

/** Null when the mapping skips the line. */
export function mapJson(
  text: string,
  columns: Columns,
  { renames, templates, skipUnknown, skipBlank, only, format }: Mapping,
): MappedRecord | null {
  const fields = parseLine(text)
  if (!isObject(fields)) return { error: 'the line is not a JSON object' }
  const textOf = (name: string) => String(fields[name] ?? '').trim()
  if (skipBlank.length > 0 && skipBlank.every((name) => textOf(name) === '')) return null
  if (!only.every(({ column, values }) => values.includes(textOf(column).toLowerCase())))
    return null
  const isReject = rejectColumns.every((name) => name in fields)
  const kept = Object.entries(fields).flatMap(([source, value]): [string, unknown][] => {
    const field = renames.get(source) ?? source
    const isKnown = columns.names.some((name) => name === field || name.startsWith(`${field}.`))
    if (isKnown || columns.find(`${field}.x`)) return [[field, value]]
    const isSkipped = skipUnknown || (isReject && rejectColumns.some((name) => name === source))
    return isSkipped ? [] : [[field, value]]
  })
  const filled = [...templates].map(([field, template]): [string, unknown] => {
    const filledText = template.replace(/\{([^{}]+)\}/g, (_, source: string) =>
      String(fields[source] ?? ''),
    )
    return [field, readCell(columns.find(field)?.kind ?? 'text', filledText, format).value]
  })
  return { value: Object.fromEntries([...kept, ...filled]) }
}

/** Undefined for invalid JSON. */
export function parseLine(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
