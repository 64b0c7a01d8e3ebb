/** Reads NDJSON line by line, and applies a mapping to each object. */

import { AppError } from '../lib/errors.ts'
import { isObject } from '../lib/is-object.ts'
import { maxValues, measureJson, objectFault, sizeFault } from '../lib/json-size.ts'
import { readCell } from './cells.ts'
import type { MappedRecord } from './column-mapping.ts'
import type { Columns } from './columns.ts'
import { rejectReason } from './import-batch.ts'
import { type Mapping, rejectColumns } from './mapping.ts'

/** `fault`: why it is not even parsed. */
type JsonLine = { line: number; text: string; fault: string | undefined }

/** Blank lines are counted and skipped. */
export async function* readLines(
  name: string,
  chunks: AsyncIterable<string>,
  maxCharacters: number,
): AsyncGenerator<JsonLine> {
  let rest = ''
  let line = 0
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) yield* read(text)
    if (rest.length > maxCharacters) throw tooLong(line + 1)
  }
  yield* read(rest)

  async function* read(text: string): AsyncGenerator<JsonLine> {
    line++
    if (text.length > maxCharacters) throw tooLong(line)
    if (text.trim() !== '') yield await toLine(line, text.trim())
  }
  function tooLong(at: number): AppError {
    const most = maxCharacters.toLocaleString('en')
    return new AppError(
      'invalid',
      `${name} has a line of more than ${most} characters, line ${at}.`,
    )
  }
}

/** A short line cannot hold many values. */
async function toLine(line: number, text: string): Promise<JsonLine> {
  if (text.length < maxValues) return { line, text, fault: undefined }
  const tooLarge = sizeFault('A line', await measureJson(Buffer.from(text)), 'Divide it.')
  return { line, text, fault: tooLarge?.message }
}

/** Null when the mapping skips the line. */
export function mapJson(
  text: string,
  columns: Columns,
  { renames, templates, skipUnknown, skipBlank, only, format }: Mapping,
): MappedRecord | null {
  const fields = parseLine(text)
  if (!isObject(fields)) return { error: 'the line is not a JSON object' }
  const fault = objectFault('the line', fields)
  if (fault) return { error: rejectReason(fault) ?? fault.message }
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
