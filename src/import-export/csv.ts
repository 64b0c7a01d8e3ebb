/** Reads a table (CSV) row by row, each with its lines in the file, and writes one. */
import { AppError } from '../lib/errors.ts'
import type { InputFile } from './input-file.ts'

export type TableRow = {
  line: number
  /** Differs from `line` when a quoted cell holds line breaks. */
  lastLine: number
  cells: string[]
  /** Why the quotes leave open where the row ends; undefined when they do not. */
  fault?: string
}

const maxCells = 1_000

const lineEnd = /\r\n|\n|\r/
const isEdge = /^[ \t]*$/

/** A row as it stands in the text, which ends before `end`. */
type ParsedRow = {
  cells: string[]
  /** How many cells there are beyond those that are kept. */
  beyond: number
  end: number
  allQuoted: boolean
  fault?: string
}

/**
 * A quote inside an unquoted cell is literal, as in 24" pan; one that leaves open where a cell ends makes its
 * row faulty. Rows whose cells are all blank are left out, and so is Excel's line `sep=;`. The number of cells is not
 * checked here.
 */
export async function* readTable(
  { name, read, maxRowCharacters }: Pick<InputFile, 'name' | 'read' | 'maxRowCharacters'>,
  delimiter: string,
): AsyncGenerator<TableRow> {
  const tooLong = (line: number) =>
    new AppError(
      'invalid',
      `${name} has a row of more than ${maxRowCharacters.toLocaleString('en')} characters, which begins on line ${line}: perhaps a double quote that opens a cell is not closed.`,
    )
  const reader = rowReader(delimiter)
  let text = ''
  for await (const chunk of read()) {
    text += chunk
    yield* rows(false)
    text = text.slice(reader.position())
    if (text.length > maxRowCharacters) throw tooLong(reader.line())
  }
  yield* rows(true)
  if (reader.position() < text.length) throw unclosed(name, reader.line())

  function* rows(isLast: boolean): Generator<TableRow> {
    for (const { row, length } of reader.rows(text, isLast)) {
      if (length > maxRowCharacters) throw tooLong(row.line)
      yield row
    }
  }
}

/** Remembers the line, and where in the text that was given last the next row begins. */
function rowReader(delimiter: string) {
  const check = quoteCheck(delimiter)
  let line = 1
  let position = 0
  function* rows(text: string, isLast: boolean): Generator<{ row: TableRow; length: number }> {
    position = 0
    for (;;) {
      const parsed = parseRow(text, position, delimiter, isLast)
      if (!parsed) return
      const length = parsed.end - position
      const row = toTableRow(parsed, text.slice(position, parsed.end))
      if (!isBlank(row.cells) && !(line === 1 && isSeparatorLine(row.cells))) yield { row, length }
      line = row.lastLine + 1
      position = parsed.end
    }
  }
  function toTableRow(parsed: ParsedRow, raw: string): TableRow {
    const { cells } = parsed
    const lines = cells.some(isMultiline) ? raw.replace(/\r?\n?$/, '').split(lineEnd) : [raw]
    const row = { line, lastLine: line + lines.length - 1, cells }
    const fault = check(parsed, lines) ?? parsed.fault ?? tooManyCells(parsed)
    return fault === undefined ? row : { ...row, fault: fault + linesOf(row) }
  }
  return { rows, position: () => position, line: () => line }
}

/** Follows what is said of a row that takes several lines. */
export const linesOf = ({ line, lastLine }: TableRow) =>
  line === lastLine ? '' : ` (lines ${line} to ${lastLine})`

const isMultiline = (cell: string) => cell.includes('\n') || cell.includes('\r')
const isBlank = (cells: string[]) => cells.every((cell) => cell.trim() === '')
const isSeparatorLine = ([first = '', ...rest]: string[]) =>
  /^sep=.?$/i.test(first) && isBlank(rest)

const unclosed = (name: string, line: number) =>
  new AppError(
    'invalid',
    `${name} is not a valid CSV file: a double quote that opens a cell on line ${line} is not closed.`,
  )

/** Undefined when the text ends before the row does. */
function parseRow(
  text: string,
  start: number,
  delimiter: string,
  isLast: boolean,
): ParsedRow | undefined {
  if (start === text.length) return undefined
  const row: ParsedRow = { cells: [], beyond: 0, end: start, allQuoted: true }
  const isCut = (end: number) => end < 0 || (end === text.length && !isLast)
  for (let at = start; ; at = row.end + 1) {
    const end =
      text[at] === '"' ? takeQuoted(row, text, at, delimiter) : takePlain(row, text, at, delimiter)
    if (isCut(end)) return undefined
    row.end = end
    if (text[end] !== delimiter) break
  }
  // Whether a line feed belongs to a carriage return is seen only with the next character.
  if (text[row.end] === '\r' && isCut(row.end + 1)) return undefined
  row.end += text.startsWith('\r\n', row.end) ? 2 : 1
  row.end = Math.min(row.end, text.length)
  return row
}

/** Adds the cell to the row and returns where it ends. */
function takePlain(row: ParsedRow, text: string, at: number, delimiter: string): number {
  const end = cellEnd(text, at, delimiter)
  addCell(row, text.slice(at, end))
  row.allQuoted = false
  return end
}

/** Returns -1 when the text ends before the quote is closed. */
function takeQuoted(row: ParsedRow, text: string, at: number, delimiter: string): number {
  const close = closingQuote(text, at + 1)
  if (close < 0) return -1
  const end = cellEnd(text, close + 1, delimiter)
  const after = text.slice(close + 1, end)
  const isClean = isEdge.test(after)
  addCell(row, isClean ? text.slice(at + 1, close).replaceAll('""', '"') : text.slice(at, end))
  if (!isClean) row.fault ??= textAfterQuote(row.cells.length, after)
  return end
}

function addCell(row: ParsedRow, cell: string): void {
  if (row.cells.length < maxCells) row.cells.push(cell)
  else row.beyond++
}

function tooManyCells({ cells, beyond }: ParsedRow): string | undefined {
  if (beyond === 0) return undefined
  const [found, most] = [cells.length + beyond, maxCells].map((count) => count.toLocaleString('en'))
  return `it has ${found} cells; at most ${most} are read`
}

const textAfterQuote = (cell: number, after: string) =>
  `cell ${cell} has text after its closing quote, ${JSON.stringify(after.slice(0, 40))}: write a quote inside a quoted cell twice`

/** -1 when the text ends first. */
function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at
  return -1
}

function cellEnd(text: string, from: number, delimiter: string): number {
  const code = delimiter.charCodeAt(0)
  for (let at = from; at < text.length; at++) {
    const found = text.charCodeAt(at)
    if (found === code || found === 10 || found === 13) return at
  }
  return text.length
}

/**
 * Finds quoted cells that a stray quote opened and another closed some rows later: a line within has as many cells as
 * the header. In a file that quotes all its cells, a swallowed row would bring its quotes along: there other lines are text.
 */
function quoteCheck(delimiter: string): (row: ParsedRow, lines: string[]) => string | undefined {
  let width: number | undefined
  let everythingQuoted = true
  return ({ cells, allQuoted, fault }, lines) => {
    everythingQuoted &&= allQuoted && fault === undefined
    if (isBlank(cells)) return undefined
    width ??= cells.findLastIndex((cell) => cell.trim() !== '') + 1
    const cellsNeeded = width
    const isRow = (line: string) => line !== '' && line.split(delimiter).length >= cellsNeeded
    const holdsRow = (cell: string) =>
      isMultiline(cell) && cell.split(`"${delimiter}"`).length >= cellsNeeded
    if (!(everythingQuoted ? cells.some(holdsRow) : lines.slice(1).some(isRow))) return undefined
    return `the quote that opens cell ${cells.findIndex(isMultiline) + 1} takes in what looks like other rows: close it, or, if it is one text, quote every cell of the file, header included`
  }
}

const delimiters = [',', ';', '\t', '|']

/** The one that Excel's line `sep=;` names, else the most frequent one of the header, outside of quotes. */
export function findDelimiter(head: string): string {
  const [, named] = /^sep=(.)\r?\n/i.exec(head) ?? []
  if (named !== undefined) return named
  const [header = ''] = head
    .trimStart()
    .replace(/"(?:[^"]|"")*"/g, '')
    .split(lineEnd)
  const counts = delimiters.map((delimiter) => header.split(delimiter).length)
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ','
}
