/** In charge of writing records as a file that import reads back unchanged: a table (CSV), or JSON line by line (NDJSON). */
import { stringify } from 'csv-stringify/sync'
import { writeCell } from './cells.ts'
import { type Column, columnsOf } from './columns.ts'

type Fields = Record<string, unknown>

export const formats = ['csv', 'ndjson'] as const
export type Format = (typeof formats)[number]

export type Writer = {
  /** What stands before the first record. */
  head: string
  write: (records: Fields[]) => string
}

/** `fields` are those of the records; metadata takes one column for each of its keys. */
export function writerOf(
  format: Format,
  { draft, fields, metadataKeys }: { draft: unknown; fields: string[]; metadataKeys: string[] },
): Writer {
  if (format === 'ndjson')
    return {
      head: '',
      write: (records) => records.map((record) => `${JSON.stringify(record)}\n`).join(''),
    }
  const names = fields.flatMap((field) =>
    field === 'metadata' ? metadataKeys.map((key) => `metadata.${key}`) : [field],
  )
  const { find } = columnsOf(draft)
  const columns = names.flatMap((name) => find(name) ?? [])
  return {
    head: stringify([names]),
    write: (records) =>
      stringify(records.map((record) => columns.map((column) => cellOf(record, column)))),
  }
}

function cellOf(record: Fields, { path, kind }: Column): string {
  const value = path.reduce<unknown>(
    (holder, name) =>
      typeof holder === 'object' && holder ? Reflect.get(holder, name) : undefined,
    record,
  )
  return writeCell(kind, value)
}
