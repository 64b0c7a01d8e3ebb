/** Converts a value to the text of one table cell, and back again unchanged. */

import { type CellFormat, isBooleanText, readBoolean, readNumber } from './cell-formats.ts'
import { readTime } from './times.ts'

export type CellKind = 'text' | 'number' | 'boolean' | 'time' | 'list' | 'scalar'

/** What a spreadsheet would run as a formula, and what reads as a text that is marked as one: `'02116`, `="02116"`. */
const formula = /^[=+\-@\t\r\n]/
const escaped = /^'(?:$|[=+\-@\t\r\n']|[\d.,:/ -]*\d$)/
const quotedFormula = /^="((?:[^"]|"")*)"$/

/** A `'` in front makes a spreadsheet show it as text. An empty text is written `'`, since an empty cell means no value. */
const escapeText = (text: string) =>
  text === '' || formula.test(text) || escaped.test(text) ? `'${text}` : text

function unescapeText(cell: string): string {
  if (escaped.test(cell)) return cell.slice(1)
  return quotedFormula.exec(cell)?.[1]?.replaceAll('""', '"') ?? cell
}

/** A text that is no value of its kind is passed on as it is; `wanted` says what would be one. */
export type CellValue = { value: unknown; wanted?: string }

const readers: Record<CellKind, (text: string, format: CellFormat) => CellValue> = {
  text: (text) => ({ value: text }),
  number: readNumber,
  boolean: (text) => (isBooleanText(text) ? { value: readBoolean(text) } : { value: text }),
  time: readTime,
  list: (text) => ({ value: readList(text) }),
  scalar: (text) => ({ value: readScalar(text) }),
}

/** The value is undefined for an empty cell. */
export function readCell(kind: CellKind, cell: string, format: CellFormat): CellValue {
  return cell === '' ? { value: undefined } : readers[kind](unescapeText(cell), format)
}

/** Separated by `|`, else by commas; or a JSON array, whose texts may hold both. */
function readList(text: string): unknown {
  if (text.startsWith('[')) return parseJson(text, Array.isArray) ?? text
  const parts = text.split(text.includes('|') ? '|' : ',')
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

/** Metadata values have no fixed type: what looks like a number or a boolean is one, unless it is in double quotes. */
function readScalar(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text !== '' && String(Number(text)) === text && Number.isFinite(Number(text)))
    return Number(text)
  if (!text.startsWith('"')) return text
  return parseJson(text, (value) => typeof value === 'string') ?? text
}

function parseJson(text: string, isExpected: (value: unknown) => boolean): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return isExpected(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function writeCell(kind: CellKind, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return escapeText(writeList(value))
  if (typeof value !== 'string') return String(value)
  return kind === 'scalar' ? writeScalar(value) : escapeText(value)
}

/** As JSON when the separated form would not be read back the same. */
function writeList(values: unknown[]): string {
  if (values.length === 0) return '[]'
  const texts = values.map(String)
  const text = texts.join('|')
  return JSON.stringify(readList(text)) === JSON.stringify(texts) ? text : JSON.stringify(texts)
}

function writeScalar(text: string): string {
  return readScalar(text) === text ? escapeText(text) : JSON.stringify(text)
}
