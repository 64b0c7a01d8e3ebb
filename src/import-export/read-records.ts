/** Reads a file of records, whatever its format: checks it as a whole, then reads record by record. */
import { AppError } from '../lib/errors.ts'
import { isObject } from '../lib/is-object.ts'
import { type ColumnMapping, type MappedRecord, mapColumns } from './column-mapping.ts'
import { type Columns, columnsOf } from './columns.ts'
import { findDelimiter, readTable, type TableRow } from './csv.ts'
import { readHead, readHeaderCells } from './file-head.ts'
import type { InputFile } from './input-file.ts'
import type { Mapping } from './mapping.ts'
import { mapJson, readLines } from './ndjson.ts'
import { repetitions, seenKeys } from './repeated-keys.ts'

/** One record as found in the file; `rows` or `text` is what it was read from. */
export type InputRecord = MappedRecord & {
  line: number
  source: { rows: TableRow[] } | { text: string }
}

export type RecordFile = {
  /** Null for NDJSON. */
  header: string[] | null
  /** Which fields each column fills. Null for NDJSON. */
  columns: { name: string; fields: string[] }[] | null
  /** How many rows or lines are not empty. */
  total: number
  /** Null for each row or line that the mapping skips. */
  records: () => AsyncGenerator<InputRecord | null>
}

/** The schema of a record, the fields that identify one, and whether one may take several rows of a table. */
export type RecordSchema = { schema: unknown; key: string[]; joinsRows: boolean }

export type ReadOptions = { delimiter?: string | undefined; mapping: Mapping }

type Table = RecordSchema & { columns: Columns; mapping: Mapping; delimiter: string }

/**
 * Reads the whole file once, so that an error of the file itself (a truncated gzip stream, an unclosed quote, an id that
 * it names twice) is reported before anything is written. That costs a second read; one transaction around
 * everything would make all other writers wait for its locks.
 */
export async function checkFile(
  input: InputFile,
  schema: RecordSchema,
  { delimiter, mapping }: ReadOptions,
  progress: (done: number) => void,
): Promise<RecordFile> {
  const columns = columnsOf(schema.schema)
  const head = await readHead(input)
  const start = head.trimStart()
  if (start === '') throw new AppError('invalid', `${input.name} is empty.`)
  if (start.startsWith('{')) return checkLines(input, columns, schema, mapping, progress)
  if (start.startsWith('['))
    throw new AppError(
      'invalid',
      `${input.name} is a JSON array: write one object per line (NDJSON).`,
    )
  const table = { ...schema, columns, mapping, delimiter: delimiter ?? findDelimiter(head) }
  return checkTable(input, table, progress)
}

async function checkTable(
  input: InputFile,
  table: Table,
  progress: (done: number) => void,
): Promise<RecordFile> {
  const rows = () => readTable(input, table.delimiter)
  const columnMapping = await readHeader(input.name, rows(), table)
  const { variants } = table.mapping
  const repeated = repetitions(input.name, table)
  let total = 0
  for await (const group of groupRows(rows(), columnMapping, table)) {
    if (group === null) {
      progress(++total)
      continue
    }
    total += group.rows.length
    progress(total)
    const [row = group.first] = group.rows
    repeated.check(columnMapping.recordKeyOf(row), row.line, columnMapping.isVariant(row))
  }
  repeated.end()
  const groups = () => groupRows(rows(), columnMapping, table)
  return {
    header: columnMapping.header,
    columns: columnMapping.columns(),
    total,
    records: () =>
      variants === 'first'
        ? onlyFirst(groups(), columnMapping)
        : tableRecords(groups(), columnMapping),
  }
}

async function readHeader(
  name: string,
  rows: AsyncGenerator<TableRow>,
  { columns, key, mapping }: Table,
): Promise<ColumnMapping> {
  return mapColumns(name, await readHeaderCells(name, rows), columns, key, mapping)
}

/** The rows of one record, and the first of the rows that follow one another with the same id. */
type RowGroup = { rows: TableRow[]; first: TableRow }

/**
 * Null for each row that the mapping skips. A row that cannot be read, or that has no id, may belong to the records
 * around it: where records take several rows, they are one group with it, to be rejected as a whole.
 */
async function* groupRows(
  rows: AsyncGenerator<TableRow>,
  mapping: ColumnMapping,
  { joinsRows }: RecordSchema,
): AsyncGenerator<RowGroup | null> {
  const belongsTo = belonging(mapping, joinsRows)
  let group: RowGroup | undefined
  let last: TableRow | undefined
  for await (const row of withoutHeader(rows)) {
    const before = belongsTo(last, row) ? group : undefined
    const next = { rows: [row], first: before?.first ?? row }
    if (mapping.errorOf(row) === undefined && mapping.skips(row, next.first)) {
      yield null
      continue
    }
    last = row
    if (before && joinsRows) before.rows.push(row)
    else yield* swap(next)
  }
  yield* swap(undefined)

  function swap(next: RowGroup | undefined): RowGroup[] {
    const ended = group ? [group] : []
    group = next
    return ended
  }
}

/** Whether a row may belong to the same record as the one before. */
function belonging(mapping: ColumnMapping, joinsRows: boolean) {
  const isUnclear = (row: TableRow) =>
    joinsRows && (mapping.keyOf(row) === null || mapping.errorOf(row) !== undefined)
  return (last: TableRow | undefined, row: TableRow): boolean =>
    last !== undefined && (isUnclear(row) || isUnclear(last) || sameKey(mapping, last, row))
}

const sameKey = ({ keyOf }: ColumnMapping, one: TableRow, other: TableRow) =>
  keyOf(one) !== null && keyOf(one) === keyOf(other)

async function* withoutHeader(rows: AsyncGenerator<TableRow>): AsyncGenerator<TableRow> {
  await rows.next()
  yield* rows
}

async function* tableRecords(
  groups: AsyncGenerator<RowGroup | null>,
  mapping: ColumnMapping,
): AsyncGenerator<InputRecord | null> {
  for await (const group of groups) yield group && recordOf(group, mapping)
}

/** Of the rows with one id, wherever they are, the first. */
async function* onlyFirst(
  groups: AsyncGenerator<RowGroup | null>,
  mapping: ColumnMapping,
): AsyncGenerator<InputRecord | null> {
  const keys = seenKeys()
  for await (const group of groups) {
    const key = group && mapping.recordKeyOf(group.rows[0] ?? group.first)
    const isFirst = key === null || keys.see(key, 0) === undefined
    yield group && isFirst ? recordOf(group, mapping) : null
  }
}

/** Written out: a spread takes as long as all the parsing. */
function recordOf({ rows, first }: RowGroup, mapping: ColumnMapping): InputRecord {
  const mapped = mapping.map(rows, first)
  const line = rows[0]?.line ?? 0
  const source = { rows }
  if ('error' in mapped) return { error: mapped.error, line, source }
  const { value, wanted } = mapped
  return wanted ? { value, wanted, line, source } : { value, line, source }
}

async function checkLines(
  input: InputFile,
  columns: Columns,
  schema: RecordSchema,
  mapping: Mapping,
  progress: (done: number) => void,
): Promise<RecordFile> {
  if (mapping.preset || mapping.variants)
    throw new AppError('invalid', `${input.name} is NDJSON: --from and --variants are for tables.`)
  for (const field of [...mapping.renames.values(), ...mapping.templates.keys()])
    if (!columns.find(field) && !columns.names.some((name) => name.startsWith(`${field}.`)))
      throw new AppError(
        'invalid',
        `unknown field "${field}". Known fields: ${columns.names.join(', ')}.`,
      )
  const records = () => jsonRecords(input, columns, mapping)
  const repeated = repetitions(input.name, { ...schema, mapping })
  let total = 0
  for await (const record of records()) {
    progress(++total)
    if (record && 'value' in record)
      repeated.check(jsonKey(record.value, schema.key), record.line, false)
  }
  repeated.end()
  return { header: null, columns: null, total, records }
}

function jsonKey(value: unknown, key: string[]): string | null {
  const parts = key.map((field) => (isObject(value) ? value[field] : undefined))
  return parts.length === 0 || (parts[0] ?? '') === '' ? null : JSON.stringify(parts)
}

async function* jsonRecords(
  { name, read, maxRowCharacters }: InputFile,
  columns: Columns,
  mapping: Mapping,
): AsyncGenerator<InputRecord | null> {
  for await (const { line, text, fault } of readLines(name, read(), maxRowCharacters)) {
    const mapped = fault === undefined ? mapJson(text, columns, mapping) : { error: fault }
    yield mapped && { ...mapped, line, source: { text } }
  }
}
