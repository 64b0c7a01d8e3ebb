/** Converts a value to the text of one table cell, and back again unchanged. */

export type CellKind = 'text' | 'number' | 'boolean' | 'list' | 'scalar'

/** What a spreadsheet would run as a formula, and what reads as an escaped text. */
const formula = /^[=+\-@\t\r\n]/
const escaped = /^'(?:$|[=+\-@\t\r\n'])/

/** A `'` in front makes a spreadsheet show it as text. An empty text is written `'`, since an empty cell means no value. */
const escapeText = (text: string) =>
  text === '' || formula.test(text) || escaped.test(text) ? `'${text}` : text

const unescapeText = (cell: string) => (escaped.test(cell) ? cell.slice(1) : cell)

const numeric = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const booleans = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
])

/** A text that is no value of its kind is returned as it is, for the schema to reject. */
const readers: Record<CellKind, (cell: string) => unknown> = {
  text: unescapeText,
  number: (cell) => (numeric.test(cell.trim()) ? Number(cell) : cell),
  boolean: (cell) => booleans.get(cell.trim().toLowerCase()) ?? cell,
  list: (cell) => readList(unescapeText(cell)),
  scalar: readScalar,
}

/** Undefined for an empty cell. */
export function readCell(kind: CellKind, cell: string): unknown {
  return cell === '' ? undefined : readers[kind](cell)
}

/** Separated by `|`, else by commas; or a JSON array, whose texts may hold both. */
function readList(text: string): unknown {
  if (text.startsWith('[')) return parseJson(text, Array.isArray) ?? text
  const parts = text.split(text.includes('|') ? '|' : ',')
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

/** Metadata values have no fixed type: what looks like a number or a boolean is one, unless it is in double quotes. */
function readScalar(cell: string): unknown {
  const text = unescapeText(cell)
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
  const cell = escapeText(text)
  return readScalar(cell) === text ? cell : JSON.stringify(text)
}
