/** In charge of what stands in one cell of a table: a value as text, and back again unchanged. */

export type CellKind = 'text' | 'number' | 'boolean' | 'list' | 'fact'

/** What a spreadsheet would run as a formula, and what would be taken for a text defused. */
const runs = /^[=+\-@\t\r\n]/
const defused = /^'(?:$|[=+\-@\t\r\n'])/

/** With a `'` before it, a spreadsheet shows it as text. A text that is empty becomes `'`, as an empty cell says nothing. */
const defuse = (text: string) =>
  text === '' || runs.test(text) || defused.test(text) ? `'${text}` : text

const restore = (cell: string) => (defused.test(cell) ? cell.slice(1) : cell)

const numeric = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const truths = new Map([
  ['true', true],
  ['yes', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['0', false],
])

/** Text that is no value of its kind comes back as it is, for the draft's own rules to refuse. */
const readers: Record<CellKind, (cell: string) => unknown> = {
  text: restore,
  number: (cell) => (numeric.test(cell.trim()) ? Number(cell) : cell),
  boolean: (cell) => truths.get(cell.trim().toLowerCase()) ?? cell,
  list: (cell) => readList(restore(cell)),
  fact: readFact,
}

/** Undefined for an empty cell: it says nothing. */
export function readCell(kind: CellKind, cell: string): unknown {
  return cell === '' ? undefined : readers[kind](cell)
}

/** Parted by `|`, else by commas; or a JSON array, which may hold both. */
function readList(text: string): unknown {
  if (text.startsWith('[')) return parsed(text, Array.isArray) ?? text
  const parts = text.split(text.includes('|') ? '|' : ',')
  return parts.map((part) => part.trim()).filter((part) => part !== '')
}

/** Metadata has no fixed kind: what looks like a number or a truth is one, unless it stands in double quotes. */
function readFact(cell: string): unknown {
  const text = restore(cell)
  if (text === 'true' || text === 'false') return text === 'true'
  if (text !== '' && String(Number(text)) === text && Number.isFinite(Number(text)))
    return Number(text)
  if (!text.startsWith('"')) return text
  return parsed(text, (value) => typeof value === 'string') ?? text
}

function parsed(text: string, wanted: (value: unknown) => boolean): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return wanted(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function writeCell(kind: CellKind, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return defuse(writeList(value))
  if (typeof value !== 'string') return String(value)
  return kind === 'fact' ? writeFact(value) : defuse(value)
}

function writeList(values: unknown[]): string {
  const texts = values.map(String)
  if (values.length === 0) return '[]'
  const text = texts.join('|')
  const read = readList(text)
  const same =
    Array.isArray(read) &&
    read.length === texts.length &&
    read.every((one, place) => one === texts[place])
  return same ? text : JSON.stringify(texts)
}

function writeFact(text: string): string {
  const plain = defuse(text)
  return readFact(plain) === text ? plain : JSON.stringify(text)
}
