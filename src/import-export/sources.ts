/** Finds for each field where its text comes from in a row of the table. */
import type { AppError } from '../lib/errors.ts'
import type { Column, Columns } from './columns.ts'
import { type Mapping, rejectColumns } from './mapping.ts'
import type { Preset } from './presets/preset.ts'

/** `name` is the column's path with dots. */
export type Source = { name: string; column: Column; textOf: (cells: string[]) => string }

type Fail = (why: string) => AppError
type Table = { header: string[]; columns: Columns; fail: Fail; indexOf: (name: string) => number }

export type Sources = {
  sources: Source[]
  /** Throws when the file has no such column. */
  indexOf: (name: string) => number
  /** In any case; -1 when the file has no such column. */
  presetIndexOf: (name: string) => number
}

/** What the user says of a field takes the place of the preset. */
export function findSources(
  header: string[],
  columns: Columns,
  mapping: Mapping,
  fail: Fail,
): Sources {
  const table: Table = { header, columns, fail, indexOf: columnIndexes(header, fail) }
  const presetIndexOf = presetIndexes(header)
  const own = [...columnSources(table, mapping), ...templateSources(table, mapping)]
  const fixed = mapping.preset ? presetSources(mapping.preset, columns, header, presetIndexOf) : []
  const sources = [
    ...own,
    ...fixed.filter(({ name }) => !own.some((source) => source.name === name)),
  ]
  const names = sources.map(({ name }) => name)
  const repeated = firstRepeated(names)
  if (repeated !== undefined) throw fail(`has two columns for "${repeated}".`)
  requireColumns(names, columns, mapping, fail)
  return { sources, indexOf: table.indexOf, presetIndexOf }
}

function columnSources({ header, columns, fail, indexOf }: Table, mapping: Mapping): Source[] {
  for (const name of mapping.renames.keys()) indexOf(name)
  return header.flatMap((name, index): Source[] => {
    const field = mapping.renames.get(name) ?? name
    // The preset knows the columns of its system: one that happens to be called as a field of ours is not meant.
    const isOurs = mapping.preset === undefined || mapping.renames.has(name)
    const column = isOurs && name !== '' ? columns.find(field) : undefined
    if (column) return [toSource(column, (cells) => cells[index] ?? '')]
    if (mapping.renames.has(name)) throw unknownField(field, columns, fail)
    if (mapping.skipUnknown || !isOurs || name === '' || isRejectColumn(header, index)) return []
    throw fail(
      `has an unknown column "${name}". Rename it with --map '${name}=…', or skip unknown columns with --skip-unknown. Known columns: ${columns.names.join(', ')}.`,
    )
  })
}

const toSource = (column: Column, textOf: Source['textOf']): Source => ({
  name: column.path.join('.'),
  column,
  textOf,
})

function templateSources({ columns, fail, indexOf }: Table, mapping: Mapping): Source[] {
  return [...mapping.templates].map(([field, template]) => {
    const column = columns.find(field)
    if (!column) throw unknownField(field, columns, fail)
    return toSource(column, templateText(template, indexOf))
  })
}

/** The names in braces are at the odd places. */
function templateText(template: string, indexOf: (name: string) => number): Source['textOf'] {
  const parts = template.split(/\{([^{}]+)\}/).map((part, place) => {
    if (place % 2 === 0) return () => part
    const index = indexOf(part)
    return (cells: string[]) => cells[index] ?? ''
  })
  return (cells) => parts.map((part) => part(cells)).join('')
}

/** Follows a comma or white space where another address begins. */
const nextAddress = /(?<![\s,;|])[\s,;|]+(?=https?:\/\/)/i

function presetSources(
  preset: Preset,
  columns: Columns,
  header: string[],
  indexOf: (name: string) => number,
): Source[] {
  const fromColumns = Object.entries(preset.fields).flatMap(([field, choices]): Source[] => {
    const column = columns.find(field)
    const texts = choices.flatMap((choice) => {
      const names = [...choice.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name)
      if (names.length > 0)
        return names.every((name) => indexOf(name) >= 0) ? [templateText(choice, indexOf)] : []
      const index = indexOf(choice)
      return index < 0 ? [] : [(cells: string[]) => cells[index] ?? '']
    })
    if (!column || texts.length === 0) return []
    const words = preset.values?.[field]
    const takesFirst = preset.firstAddress?.includes(field)
    return [
      toSource(column, (cells) => {
        const text = texts.map((read) => read(cells).trim()).find((read) => read !== '') ?? ''
        const one = takesFirst ? (text.split(nextAddress)[0] ?? '') : text
        return words?.[one.toLowerCase()] ?? one
      }),
    ]
  })
  const sums = Object.entries(preset.sums ?? {}).flatMap(([field, beginnings]): Source[] => {
    const column = columns.find(field)
    const indexes = header.flatMap((name, index) =>
      beginnings.some((start) => name.toLowerCase().startsWith(start)) ? [index] : [],
    )
    return column && indexes.length > 0 ? [toSource(column, sumText(indexes))] : []
  })
  return [...fromColumns, ...sums]
}

/** Blank when all are; a text that is no number is passed on, to be rejected. */
const sumText = (indexes: number[]) => (cells: string[]) => {
  const texts = indexes.map((index) => (cells[index] ?? '').trim()).filter((text) => text !== '')
  const bad = texts.find((text) => Number.isNaN(Number(text)))
  if (bad !== undefined || texts.length === 0) return bad ?? ''
  return String(texts.reduce((sum, text) => sum + Math.max(0, Number(text)), 0))
}

function presetIndexes(header: string[]): (name: string) => number {
  const names = header.map((name) => name.toLowerCase())
  return (name) => names.indexOf(name.toLowerCase())
}

const unknownField = (field: string, columns: Columns, fail: Fail) =>
  fail(`cannot fill "${field}": unknown field. Known fields: ${columns.names.join(', ')}.`)

const firstRepeated = (names: string[]) => names.find((name, index) => names.indexOf(name) < index)

function columnIndexes(header: string[], fail: Fail): (name: string) => number {
  const repeated = firstRepeated(header.filter((name) => name !== ''))
  if (repeated !== undefined) throw fail(`has two columns named "${repeated}".`)
  return (name) => {
    const index = header.indexOf(name)
    if (index < 0)
      throw fail(`has no column "${name}". Its columns: ${header.slice(0, 40).join(', ')}.`)
    return index
  }
}

function requireColumns(names: string[], columns: Columns, { preset }: Mapping, fail: Fail): void {
  const missing = columns.required.find((choice) => !choice.some((name) => names.includes(name)))
  if (missing === undefined) return
  const [wanted = '', ...others] = missing
  const known = preset?.fields[wanted]
  if (known)
    throw fail(
      `has no column ${known.map((name) => `"${name}"`).join(' or ')}: it does not look like ${preset?.about}.`,
    )
  const alternatives = others.length > 0 ? ` and none of ${others.join(', ')}` : ''
  throw fail(
    `has no column "${wanted}"${alternatives}. Rename a column with --map 'column=${wanted}', or set a text with --set '${wanted}=…'.`,
  )
}

const isRejectColumn = (header: string[], index: number) =>
  index < rejectColumns.length && rejectColumns.every((name, at) => header[at] === name)
