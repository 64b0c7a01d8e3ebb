/** Reads a file of records, whatever its format: checks it as a whole, then reads record by record. */
import { AppError } from '../lib/errors.ts'
import {
  type ColumnMapping,
  type MappedRecord,
  type Mapping,
  mapColumns,
} from './column-mapping.ts'
import { type Columns, columnsOf } from './columns.ts'
import { readTable, type TableRow } from './csv.ts'
import type { InputFile } from './input-file.ts'
import { mapJson, readLines } from './ndjson.ts'

/** One record as found in the file; `rows` or `text` is what it was read from. */
export type InputRecord = MappedRecord & {
  line: number
  source: { rows: TableRow[] } | { text: string }
}

export type RecordFile = {
  /** Null for NDJSON. */
  header: string[] | null
  /** How many rows or lines are not empty. */
  total: number
  /** Null for each row or line that the mapping skips. */
  records: () => AsyncGenerator<InputRecord | null>
}

/** The schema of a record, and the fields that identify one in a table. */
export type RecordSchema = { schema: unknown; key: string[] }

/**
 * Reads the whole file once, so that an error of the file itself (a truncated gzip stream, an unclosed quote,
 * bytes that are not UTF-8) is reported before anything is written. That costs a second read; one transaction around
 * everything would make all other writers wait for its locks.
 */
export async function checkFile(
  input: InputFile,
  { schema, key }: RecordSchema,
  mapping: Mapping,
  progress: (done: number) => void,
): Promise<RecordFile> {
  const columns = columnsOf(schema)
  const first = await firstLine(input)
  if (first.startsWith('{')) return checkLines(input, columns, mapping, progress)
  if (first.startsWith('['))
    throw new AppError(
      'invalid',
      `${input.name} is a JSON array: write one object per line (NDJSON).`,
    )
  return checkTable(input, delimiterOf(first), { columns, key, mapping }, progress)
}

/** A comma, or whichever the header has instead. */
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
  let found: ColumnMapping | undefined
  let total = 0
  for await (const { cells } of rows()) {
    const header = () => cells.map((cell) => cell.trim())
    if (found) progress(++total)
    else found = mapColumns(input.name, header(), columns, key, mapping)
  }
  if (!found) throw new AppError('invalid', `${input.name} is empty.`)
  const columnMapping = found
  return {
    header: columnMapping.header,
    total,
    records: () => tableRecords(rows(), columnMapping),
  }
}

async function* tableRecords(
  rows: AsyncGenerator<TableRow>,
  mapping: ColumnMapping,
): AsyncGenerator<InputRecord | null> {
  let group: TableRow[] = []
  let groupKey: string | null = null
  let isHeader = true
  for await (const row of rows) {
    if (isHeader) {
      isHeader = false
      continue
    }
    if (mapping.skips(row)) {
      yield null
      continue
    }
    const key = mapping.keyOf(row)
    if (group.length > 0 && (key === null || key !== groupKey)) {
      yield recordOf(group, mapping)
      group = []
    }
    group.push(row)
    groupKey = key
  }
  if (group.length > 0) yield recordOf(group, mapping)
}

/** Written out: a spread takes as long as all the parsing. */
function recordOf(rows: TableRow[], mapping: ColumnMapping): InputRecord {
  const mapped = mapping.map(rows)
  const line = rows[0]?.line ?? 0
  const source = { rows }
  return 'value' in mapped
    ? { value: mapped.value, line, source }
    : { error: mapped.error, line, source }
}

async function checkLines(
  input: InputFile,
  columns: Columns,
  mapping: Mapping,
  progress: (done: number) => void,
): Promise<RecordFile> {
  let total = 0
  for await (const _ of readLines(input.name, input.read())) progress(++total)
  for (const field of [...mapping.renames.values(), ...mapping.templates.keys()])
    if (!columns.find(field) && !columns.names.some((name) => name.startsWith(`${field}.`)))
      throw new AppError(
        'invalid',
        `unknown field "${field}". Known fields: ${columns.names.join(', ')}.`,
      )
  return {
    header: null,
    total,
    records: () => jsonRecords(input.name, input.read(), columns, mapping),
  }
}

async function* jsonRecords(
  name: string,
  bytes: AsyncIterable<Buffer>,
  columns: Columns,
  mapping: Mapping,
): AsyncGenerator<InputRecord | null> {
  for await (const { line, text } of readLines(name, bytes)) {
    const mapped = mapJson(text, columns, mapping)
    yield mapped && { ...mapped, line, source: { text } }
  }
}
