/** In charge of how the columns of someone's table become the fields of a draft: their names, what is renamed, what is added. */
import { AppError } from '../lib/errors.ts'
import { readCell } from './cells.ts'
import type { Column, Columns } from './columns.ts'
import type { TableRow } from './csv.ts'

export type Mapping = {
  /** Their names to ours. */
  renamed: ReadonlyMap<string, string>
  /** Our names to a text, in which their names in braces stand for their cells. */
  added: ReadonlyMap<string, string>
  /** Columns that are nobody's are left out instead of refused. */
  skipUnknown: boolean
  /** Rows in which their column of this name is empty are passed over. */
  skipBlank: string | undefined
}

type Fields = Record<string, unknown>
type Source = { column: Column; textOf: (cells: string[]) => string }

export type ColumnMapping = {
  /** As it stands in the file. */
  header: string[]
  passesOver: (row: TableRow) => boolean
  /** What the rows of one draft have in common; null when each row is a draft. */
  keyOf: (row: TableRow) => string | null
  /** The draft that the rows make, or why they make none. */
  read: (rows: TableRow[]) => Reading
}

/** A file of rejects has these before what was rejected; it can be mended and imported as it is. */
export const rejectColumns = ['line', 'reason'] as const

/** Throws a refusal that names the file when the header lacks a column, has one twice, or one that nobody knows. */
export function mapColumns(
  file: string,
  header: string[],
  columns: Columns,
  key: string[],
  mapping: Mapping,
): ColumnMapping {
  const fail = (why: string) => new AppError('invalid', `${file} ${why}`)
  const placeOf = placesIn(header, fail)
  const sources = [...renamedSources(), ...addedSources()]
  refuseRepeated(sources, fail)
  requireColumns(sources, columns, fail)
  const keys = key.map((name) => sources.find(({ column }) => column.path.join('.') === name))
  const blank = mapping.skipBlank === undefined ? -1 : placeOf(mapping.skipBlank)
  return {
    header,
    passesOver: ({ cells }) => blank >= 0 && cells[blank]?.trim() === '',
    keyOf: ({ cells }) =>
      key.length === 0 ? null : JSON.stringify(keys.map((source) => source?.textOf(cells))),
    read: (rows) => readRows(rows, header.length, sources),
  }

  function renamedSources(): Source[] {
    for (const theirs of mapping.renamed.keys()) placeOf(theirs)
    return header.flatMap((theirs, place): Source[] => {
      const ours = mapping.renamed.get(theirs) ?? theirs
      const column = columns.find(ours)
      if (column) return [{ column, textOf: (cells) => cells[place] ?? '' }]
      if (mapping.renamed.has(theirs)) throw unknownColumn(ours)
      if (mapping.skipUnknown || isBookkeeping(header, place)) return []
      throw fail(
        `has a column "${theirs}" that is not known. Rename it with --map '${theirs}=…', or leave out what is not known with --skip-unknown. Known: ${columns.names.join(', ')}.`,
      )
    })
  }

  function addedSources(): Source[] {
    return [...mapping.added].map(([ours, template]) => {
      const column = columns.find(ours)
      if (!column) throw unknownColumn(ours)
      const parts = template.split(/\{([^{}]+)\}/).map((part, place) => {
        if (place % 2 === 0) return () => part
        const source = placeOf(part)
        return (cells: string[]) => cells[source] ?? ''
      })
      return { column, textOf: (cells) => parts.map((part) => part(cells)).join('') }
    })
  }

  function unknownColumn(ours: string): AppError {
    return fail(`cannot fill "${ours}": that is no column. Known: ${columns.names.join(', ')}.`)
  }
}

type Fail = (why: string) => AppError

function placesIn(header: string[], fail: Fail): (name: string) => number {
  const twice = header.find((name, place) => header.indexOf(name) < place)
  if (twice !== undefined) throw fail(`has two columns named "${twice}".`)
  return (name) => {
    const place = header.indexOf(name)
    if (place < 0) throw fail(`has no column "${name}". It has: ${header.slice(0, 40).join(', ')}.`)
    return place
  }
}

function refuseRepeated(sources: Source[], fail: Fail): void {
  const names = sources.map(({ column }) => column.path.join('.'))
  const twice = names.find((name, place) => names.indexOf(name) < place)
  if (twice !== undefined) throw fail(`has two columns for "${twice}".`)
}

function requireColumns(sources: Source[], columns: Columns, fail: Fail): void {
  const names = new Set(sources.map(({ column }) => column.path.join('.')))
  const missing = columns.required.find((choice) => !choice.some((name) => names.has(name)))
  if (missing === undefined) return
  const [wanted = ''] = missing
  throw fail(
    `has no column "${wanted}"${missing.length > 1 ? ` nor any other of ${missing.join(', ')}` : ''}. Name theirs with --map 'theirs=${wanted}', or give a text with --set '${wanted}=…'.`,
  )
}

const isBookkeeping = (header: string[], place: number) =>
  place < rejectColumns.length && rejectColumns.every((name, at) => header[at] === name)

type Reading = { given: unknown } | { fault: string }

function readRows(rows: TableRow[], width: number, sources: Source[]): Reading {
  const given: Fields = {}
  const uneven = rows.find(({ cells }) => cells.length !== width)
  if (uneven) return { fault: `the row has ${uneven.cells.length} cells, the header ${width}` }
  const [first, ...further] = rows
  for (const { column, textOf } of sources.filter((source) => !source.column.repeated)) {
    const text = textOf(first?.cells ?? [])
    const value = readCell(column.kind, text)
    if (value !== undefined) put(given, column.path, value)
    if (further.some(({ cells }) => !['', text].includes(textOf(cells))))
      return { fault: `${column.path.join('.')} differs between rows of the same id` }
  }
  addParts(given, rows, sources)
  return { given }
}

function addParts(given: Fields, rows: TableRow[], sources: Source[]): void {
  const repeated = sources.filter(({ column }) => column.repeated)
  const [list] = repeated[0]?.column.path ?? []
  if (list === undefined) return
  const parts = rows.flatMap((row) => partOf(row, repeated))
  if (parts.length > 0) given[list] = parts
}

/** None when all its cells are empty. */
function partOf({ cells }: TableRow, repeated: Source[]): Fields[] {
  const part: Fields = {}
  for (const { column, textOf } of repeated) {
    const value = readCell(column.kind, textOf(cells))
    if (value !== undefined) put(part, column.path.slice(1), value)
  }
  return Object.keys(part).length > 0 ? [part] : []
}

function put(fields: Fields, [name = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    fields[name] = value
    return
  }
  const inner = fields[name]
  const next: Fields = isFields(inner) ? inner : {}
  fields[name] = next
  put(next, rest, value)
}

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
