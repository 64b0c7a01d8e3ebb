/** Maps the columns of a table to the fields of a record: renamed, filled from a template, skipped. */
import { AppError } from '../lib/errors.ts'
import { isObject } from '../lib/is-object.ts'
import { readCell } from './cells.ts'
import type { Columns } from './columns.ts'
import { linesOf, type TableRow } from './csv.ts'
import type { Mapping } from './mapping.ts'
import type { Condition } from './presets/preset.ts'
import { findSources, type Source, type Sources } from './sources.ts'

type Fields = Record<string, unknown>

/** A record before validation, with what is wanted of cells that are none of their kind; or why the rows or the line make none. */
export type MappedRecord =
  | { value: unknown; wanted?: ReadonlyMap<string, string> }
  | { error: string }

export type ColumnMapping = {
  /** As in the file. */
  header: string[]
  /** Which fields each column fills. */
  columns: () => { name: string; fields: string[] }[]
  /** `first` is the first row of the same id. */
  skips: (row: TableRow, first: TableRow) => boolean
  /** Equal for the rows of one record; null when the row has no id. */
  keyOf: (row: TableRow) => string | null
  /** The key of the record that the row becomes. */
  recordKeyOf: (row: TableRow) => string | null
  isVariant: (row: TableRow) => boolean
  /** Why the row cannot be read. */
  errorOf: (row: TableRow) => string | undefined
  map: (rows: TableRow[], first: TableRow) => MappedRecord
}

/** What a variant takes from its product's first row when its own cell is blank. */
const sharedFields = new Set([
  ...['title', 'description', 'link', 'image_link', 'brand', 'categories'],
  ...['published', 'in_store_only'],
])

/** Throws an {@link AppError} that names the file when a column of the header is missing, repeated or unknown. */
export function mapColumns(
  file: string,
  header: string[],
  columns: Columns,
  key: string[],
  mapping: Mapping,
): ColumnMapping {
  const fail = (why: string) => new AppError('invalid', `${file} ${why}`)
  const found = findSources(header, columns, mapping, fail)
  const sourceOf = (field: string) => found.sources.find(({ name }) => name === field)
  const conditions = conditionsOf(mapping, found)
  const isOfType = typeCheck(mapping, found)
  const ownIds = mapping.variants === 'rows' && !mapping.preset?.variantType
  const idSource = ownIds ? sourceOf('sku') : undefined
  if (ownIds && !idSource)
    throw fail('has no column "sku", which --variants rows takes for the id.')
  const keySources = key.map(sourceOf)
  const isWithoutId = (row: TableRow) => keyFrom(keySources, row) === null
  const published = conditions.published
  const mapper = { ...found, width: header.length, mapping, published, idSource, isWithoutId }
  return {
    header,
    columns: () => header.map((name, index) => ({ name, fields: fieldsOf(index, found) })),
    skips: (row, first) =>
      conditions.blanks.some((all) => all.every((index) => isBlankCell(row.cells[index]))) ||
      !conditions.only.every((condition) => meets(condition, row, first)) ||
      (mapping.variants === 'first' && isOfType(row, 'variants')) ||
      (mapping.variants === 'rows' && isOfType(row, 'parents')),
    keyOf: (row) => keyFrom(keySources, row),
    recordKeyOf: (row) => keyFrom(idSource ? [idSource] : keySources, row),
    isVariant: (row) => isOfType(row, 'variants'),
    errorOf: (row) => rowError(row, header.length),
    map: (rows, first) => mapRows(rows, first, mapper),
  }
}

/** Those whose text changes with the column's, if all others are blank. */
function fieldsOf(index: number, { sources }: Sources): string[] {
  const blank: string[] = []
  const filled: string[] = []
  filled[index] = '1'
  return sources.filter(({ textOf }) => textOf(filled) !== textOf(blank)).map(({ name }) => name)
}

function keyFrom(sources: (Source | undefined)[], { cells, fault }: TableRow): string | null {
  if (fault !== undefined) return null
  const texts = sources.map((source) => source?.textOf(cells).trim() ?? '')
  return (texts[0] ?? '') === '' ? null : JSON.stringify(texts)
}

function conditionsOf(
  { only, preset, skipBlank }: Mapping,
  { sources, indexOf, presetIndexOf }: Sources,
) {
  const saysPublished = sources.some(({ name }) => name === 'published')
  const known = ({ column, values }: Condition) => {
    const index = presetIndexOf(column)
    return index < 0 ? [] : [{ index, values }]
  }
  const presetBlanks = (preset?.skipBlank ?? []).map(presetIndexOf).filter((index) => index >= 0)
  return {
    only: only.map(({ column, values }) => ({ index: indexOf(column), values })),
    published: saysPublished ? [] : (preset?.publishedIf ?? []).flatMap(known),
    blanks: [skipBlank.map(indexOf), presetBlanks].filter((indexes) => indexes.length > 0),
  }
}

/** Whether a row is a variant or a parent, in an export that says so. */
function typeCheck({ preset }: Mapping, { presetIndexOf }: Sources) {
  const types = preset?.variantType
  const index = types ? presetIndexOf(types.column) : -1
  return ({ cells }: TableRow, type: 'parents' | 'variants') =>
    types !== undefined && index >= 0 && matches(cells[index] ?? '', types[type])
}

const isBlankCell = (cell = '') => cell.trim() === ''
const matches = (cell: string, values: string[]) => values.includes(cell.trim().toLowerCase())

type IndexedCondition = { index: number; values: string[] }

/** A blank cell says what the first row of the same id says. */
function meets({ index, values }: IndexedCondition, row: TableRow, first: TableRow): boolean {
  const [own = '', shared = ''] = [row.cells[index], first.cells[index]]
  return matches(isBlankCell(own) ? shared : own, values)
}

type Mapper = {
  sources: Source[]
  width: number
  mapping: Mapping
  published: IndexedCondition[]
  idSource: Source | undefined
  isWithoutId: (row: TableRow) => boolean
}

function mapRows(rows: TableRow[], firstOfId: TableRow, mapper: Mapper): MappedRecord {
  const error = unreadable(rows, mapper)
  if (error !== undefined) return { error }
  const wanted = new Map<string, string>()
  const [first = firstOfId] = rows
  const value = readFields(first, firstOfId, mapper, wanted)
  addEntries(value, wanted, rows, mapper)
  if (mapper.published.length > 0)
    value.published = mapper.published.every((condition) => meets(condition, first, firstOfId))
  if (mapper.idSource) value.id = value.sku
  if (mapper.idSource && value.sku === undefined)
    return { error: 'the row has no sku, which --variants rows takes for the id' }
  return wanted.size > 0 ? { value, wanted } : { value }
}

function unreadable(rows: TableRow[], { sources, width, isWithoutId }: Mapper): string | undefined {
  for (const row of rows) {
    const error = rowError(row, width)
    if (error !== undefined) return rows.length > 1 ? besides(row, error) : error
    if (rows.length > 1 && isWithoutId(row)) return besides(row, 'the row has no id')
  }
  const differing = sources.find((source) => !source.column.repeated && differs(source, rows))
  return differing && `${differing.name} differs between rows of the same id`
}

function rowError(row: TableRow, width: number): string | undefined {
  if (row.fault !== undefined) return row.fault
  const { cells } = row
  if (cells.length === width || (cells.length > width && cells.slice(width).every(isBlankCell)))
    return undefined
  return `the row has ${cells.length} cells, the header ${width}${linesOf(row)}`
}

function readFields(
  row: TableRow,
  firstOfId: TableRow,
  { sources, mapping }: Mapper,
  wanted: Map<string, string>,
): Fields {
  const value: Fields = {}
  for (const { column, textOf, name } of sources.filter((source) => !source.column.repeated)) {
    const shared = sharedFields.has(name) ? textOf(firstOfId.cells) : ''
    const cell = readCell(column.kind, textOf(row.cells) || shared, mapping.format)
    if (cell.wanted !== undefined) wanted.set(name, cell.wanted)
    const given = cell.value === undefined && mapping.merge ? null : cell.value
    if (given !== undefined) setField(value, column.path, given)
  }
  return value
}

function differs({ textOf }: Source, [first, ...others]: TableRow[]): boolean {
  const text = textOf(first?.cells ?? [])
  return others.some(({ cells }) => !['', text].includes(textOf(cells)))
}

/** Rows next to one that cannot be read may belong to the same record: half of it would be wrong. */
const besides = ({ line }: TableRow, error: string) =>
  `line ${line}: ${error}; the rows next to it may belong to it and are not imported either`

/** Each row holds one entry of the record's list, such as one item of an order. */
function addEntries(
  value: Fields,
  wanted: Map<string, string>,
  rows: TableRow[],
  { sources, mapping }: Mapper,
): void {
  const repeated = sources.filter(({ column }) => column.repeated)
  const [list] = repeated[0]?.column.path ?? []
  if (list === undefined) return
  const entries: Fields[] = []
  for (const { cells } of rows) {
    const entry: Fields = {}
    for (const { column, textOf } of repeated) {
      const path = column.path.slice(1)
      const cell = readCell(column.kind, textOf(cells), mapping.format)
      if (cell.value !== undefined) setField(entry, path, cell.value)
      if (cell.wanted !== undefined)
        wanted.set([list, entries.length, ...path].join('.'), cell.wanted)
    }
    entries.push(entry)
  }
  const given = entries.filter((entry) => Object.keys(entry).length > 0)
  if (given.length > 0) value[list] = given
}

function setField(fields: Fields, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    fields[name] = value
    return
  }
  const inner = fields[name]
  const next: Fields = isObject(inner) ? inner : {}
  fields[name] = next
  setField(next, rest, value)
}
