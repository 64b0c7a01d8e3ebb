/** Maps the columns of a table to the fields of a record: renamed, filled from a template, skipped. */
import { AppError } from '../lib/errors.ts'
import { readCell } from './cells.ts'
import type { Column, Columns } from './columns.ts'
import type { TableRow } from './csv.ts'

export type Mapping = {
  /** Column names to field names. */
  renames: ReadonlyMap<string, string>
  /** Field names to a text in which `{column}` stands for that column's value. */
  templates: ReadonlyMap<string, string>
  /** Unknown columns are skipped instead of rejected. */
  skipUnknown: boolean
  /** Rows in which this column is empty are skipped. */
  skipBlank: string | undefined
}

type Fields = Record<string, unknown>
type Source = { column: Column; textOf: (cells: string[]) => string }

/** A record before validation, or why the rows or the line make none. */
export type MappedRecord = { value: unknown } | { error: string }

export type ColumnMapping = {
  /** As in the file. */
  header: string[]
  skips: (row: TableRow) => boolean
  /** Equal for the rows of one record; null when each row is a record. */
  keyOf: (row: TableRow) => string | null
  map: (rows: TableRow[]) => MappedRecord
}

/** The first columns of a rejects file, which can be imported again. */
export const rejectColumns = ['line', 'reason'] as const

/** Throws an {@link AppError} that names the file when a column of the header is missing, repeated or unknown. */
export function mapColumns(
  file: string,
  header: string[],
  columns: Columns,
  key: string[],
  mapping: Mapping,
): ColumnMapping {
  const fail = (why: string) => new AppError('invalid', `${file} ${why}`)
  const table: Table = { header, columns, fail, indexOf: columnIndexes(header, fail) }
  const sources = [...columnSources(table, mapping), ...templateSources(table, mapping)]
  const names = sources.map(({ column }) => column.path.join('.'))
  const repeated = firstRepeated(names)
  if (repeated !== undefined) throw fail(`has two columns for "${repeated}".`)
  requireColumns(names, columns, fail)
  const keySources = key.map((name) => sources[names.indexOf(name)])
  const blankIndex = mapping.skipBlank === undefined ? -1 : table.indexOf(mapping.skipBlank)
  return {
    header,
    skips: ({ cells }) => blankIndex >= 0 && cells[blankIndex]?.trim() === '',
    keyOf: ({ cells }) =>
      key.length === 0 ? null : JSON.stringify(keySources.map((source) => source?.textOf(cells))),
    map: (rows) => mapRows(rows, header.length, sources),
  }
}

type Table = {
  header: string[]
  columns: Columns
  fail: Fail
  indexOf: (name: string) => number
}

function columnSources({ header, columns, fail, indexOf }: Table, mapping: Mapping): Source[] {
  for (const name of mapping.renames.keys()) indexOf(name)
  return header.flatMap((name, index): Source[] => {
    const field = mapping.renames.get(name) ?? name
    const column = columns.find(field)
    if (column) return [{ column, textOf: (cells) => cells[index] ?? '' }]
    if (mapping.renames.has(name)) throw unknownField(field, columns, fail)
    if (mapping.skipUnknown || isRejectColumn(header, index)) return []
    throw fail(
      `has an unknown column "${name}". Rename it with --map '${name}=…', or skip unknown columns with --skip-unknown. Known columns: ${columns.names.join(', ')}.`,
    )
  })
}

function templateSources({ columns, fail, indexOf }: Table, mapping: Mapping): Source[] {
  return [...mapping.templates].map(([field, template]) => {
    const column = columns.find(field)
    if (!column) throw unknownField(field, columns, fail)
    // The names in braces are at the odd places.
    const parts = template.split(/\{([^{}]+)\}/).map((part, place) => {
      if (place % 2 === 0) return () => part
      const index = indexOf(part)
      return (cells: string[]) => cells[index] ?? ''
    })
    return { column, textOf: (cells) => parts.map((part) => part(cells)).join('') }
  })
}

const unknownField = (field: string, columns: Columns, fail: Fail) =>
  fail(`cannot fill "${field}": unknown field. Known fields: ${columns.names.join(', ')}.`)

type Fail = (why: string) => AppError

const firstRepeated = (names: string[]) => names.find((name, index) => names.indexOf(name) < index)

function columnIndexes(header: string[], fail: Fail): (name: string) => number {
  const repeated = firstRepeated(header)
  if (repeated !== undefined) throw fail(`has two columns named "${repeated}".`)
  return (name) => {
    const index = header.indexOf(name)
    if (index < 0)
      throw fail(`has no column "${name}". Its columns: ${header.slice(0, 40).join(', ')}.`)
    return index
  }
}

function requireColumns(names: string[], columns: Columns, fail: Fail): void {
  const missing = columns.required.find((choice) => !choice.some((name) => names.includes(name)))
  if (missing === undefined) return
  const [wanted = '', ...others] = missing
  const alternatives = others.length > 0 ? ` and none of ${others.join(', ')}` : ''
  throw fail(
    `has no column "${wanted}"${alternatives}. Rename a column with --map 'column=${wanted}', or set a text with --set '${wanted}=…'.`,
  )
}

const isRejectColumn = (header: string[], index: number) =>
  index < rejectColumns.length && rejectColumns.every((name, at) => header[at] === name)

function mapRows(rows: TableRow[], width: number, sources: Source[]): MappedRecord {
  const value: Fields = {}
  const uneven = rows.find(({ cells }) => cells.length !== width)
  if (uneven) return { error: `the row has ${uneven.cells.length} cells, the header ${width}` }
  const [first, ...others] = rows
  for (const { column, textOf } of sources.filter((source) => !source.column.repeated)) {
    const text = textOf(first?.cells ?? [])
    const cell = readCell(column.kind, text)
    if (cell !== undefined) setField(value, column.path, cell)
    if (others.some(({ cells }) => !['', text].includes(textOf(cells))))
      return { error: `${column.path.join('.')} differs between rows of the same id` }
  }
  addEntries(value, rows, sources)
  return { value }
}

/** Each row holds one entry of the record's list, such as one item of an order. */
function addEntries(value: Fields, rows: TableRow[], sources: Source[]): void {
  const repeated = sources.filter(({ column }) => column.repeated)
  const [list] = repeated[0]?.column.path ?? []
  if (list === undefined) return
  const entries = rows.flatMap((row) => entryOf(row, repeated))
  if (entries.length > 0) value[list] = entries
}

/** None when all its cells are empty. */
function entryOf({ cells }: TableRow, repeated: Source[]): Fields[] {
  const entry: Fields = {}
  for (const { column, textOf } of repeated) {
    const cell = readCell(column.kind, textOf(cells))
    if (cell !== undefined) setField(entry, column.path.slice(1), cell)
  }
  return Object.keys(entry).length > 0 ? [entry] : []
}

function setField(fields: Fields, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    fields[name] = value
    return
  }
  const inner = fields[name]
  const next: Fields = isFields(inner) ? inner : {}
  fields[name] = next
  setField(next, rest, value)
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
