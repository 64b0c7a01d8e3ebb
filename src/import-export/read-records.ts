/** In charge of a file of drafts, whatever its format: it is checked as a whole first, then read draft by draft. */
import { AppError } from '../lib/errors.ts'
import { type ColumnMapping, type Mapping, mapColumns } from './column-mapping.ts'
import { type Columns, columnsOf } from './columns.ts'
import { readTable, type TableRow } from './csv.ts'
import type { InputFile } from './input-file.ts'
import { readJson, readLines } from './ndjson.ts'

/** One draft as it was found; `rows` or `text` is what it was read from. */
export type InputRecord = ({ given: unknown } | { fault: string }) & {
  line: number
  source: { rows: TableRow[] } | { text: string }
}

export type RecordFile = {
  /** Null for a file that is no table. */
  header: string[] | null
  /** Rows of a table, or lines, that hold something. */
  total: number
  entries: () => AsyncGenerator<InputRecord | null>
}

/** The rules of the draft, and what tells one draft from another in a table. */
export type Expected = { draft: unknown; key: string[] }

/**
 * Reads all of the file once, so that a fault of the file itself (a gzip stream cut short, a quote not closed,
 * bytes that are no UTF-8) is told before anything is written. That costs a second reading; one transaction around
 * all would cost every other writer their wait for its locks.
 */
export async function checkFile(
  input: InputFile,
  expected: Expected,
  mapping: Mapping,
  progress: (done: number) => void,
): Promise<RecordFile> {
  const columns = columnsOf(expected.draft)
  const first = await firstLine(input)
  if (first.startsWith('{')) return checkLines(input, columns, mapping, progress)
  if (first.startsWith('['))
    throw new AppError(
      'invalid',
      `${input.name} is one JSON array: write one object a line (NDJSON).`,
    )
  return checkTable(input, delimiterOf(first), { columns, key: expected.key, mapping }, progress)
}

/** Commas, or what stands in the header in their place. */
function delimiterOf(header: string): string {
  return [',', ';', '\t'].find((delimiter) => header.includes(delimiter)) ?? ','
}

async function firstLine(input: InputFile): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of input.read()) {
    text += decoder.decode(chunk, { stream: true })
    if (text.trimStart().includes('\n') || text.length > 100_000) break
  }
  const [line = ''] = text.trimStart().split('\n')
  if (line === '') throw new AppError('invalid', `${input.name} is empty.`)
  return line
}

async function checkTable(
  input: InputFile,
  delimiter: string,
  { columns, key, mapping }: { columns: Columns; key: string[]; mapping: Mapping },
  progress: (done: number) => void,
): Promise<RecordFile> {
  const rows = () => readTable(input.name, input.read(), delimiter)
  let layout: ColumnMapping | undefined
  let total = 0
  for await (const { cells } of rows()) {
    const header = () => cells.map((cell) => cell.trim())
    if (layout) progress(++total)
    else layout = mapColumns(input.name, header(), columns, key, mapping)
  }
  if (!layout) throw new AppError('invalid', `${input.name} is empty.`)
  const known = layout
  return { header: known.header, total, entries: () => tableEntries(rows(), known) }
}

/** Null for each row that is passed over. */
async function* tableEntries(
  rows: AsyncGenerator<TableRow>,
  layout: ColumnMapping,
): AsyncGenerator<InputRecord | null> {
  let together: TableRow[] = []
  let key: string | null = null
  let header = true
  for await (const row of rows) {
    if (header) {
      header = false
      continue
    }
    if (layout.passesOver(row)) {
      yield null
      continue
    }
    const own = layout.keyOf(row)
    if (together.length > 0 && (own === null || own !== key)) {
      yield entryOf(together, layout)
      together = []
    }
    together.push(row)
    key = own
  }
  if (together.length > 0) yield entryOf(together, layout)
}

/** Spelled out: a spread takes as long as all the parsing. */
function entryOf(rows: TableRow[], layout: ColumnMapping): InputRecord {
  const read = layout.read(rows)
  const line = rows[0]?.line ?? 0
  const source = { rows }
  return 'given' in read ? { given: read.given, line, source } : { fault: read.fault, line, source }
}

async function checkLines(
  input: InputFile,
  columns: Columns,
  mapping: Mapping,
  progress: (done: number) => void,
): Promise<RecordFile> {
  let total = 0
  for await (const _ of readLines(input.name, input.read())) progress(++total)
  for (const ours of [...mapping.renamed.values(), ...mapping.added.keys()])
    if (!columns.find(ours) && !columns.names.some((name) => name.startsWith(`${ours}.`)))
      throw new AppError('invalid', `"${ours}" is no field. Known: ${columns.names.join(', ')}.`)
  return {
    header: null,
    total,
    entries: () => jsonEntries(input.name, input.read(), columns, mapping),
  }
}

async function* jsonEntries(
  name: string,
  bytes: AsyncIterable<Buffer>,
  columns: Columns,
  mapping: Mapping,
): AsyncGenerator<InputRecord | null> {
  for await (const { line, text } of readLines(name, bytes)) {
    const read = readJson(text, columns, mapping)
    yield read && { ...read, line, source: { text } }
  }
}
