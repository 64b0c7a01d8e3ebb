/** Writes records in a format that import reads back unchanged: CSV or NDJSON. */

import { formatRow } from '../lib/csv-row.ts'
import { writeCell } from './cells.ts'
import { type Column, columnsOf } from './columns.ts'

type Fields = Record<string, unknown>

export const formats = ['csv', 'ndjson'] as const
export type Format = (typeof formats)[number]

export type RecordWriter = {
  /** What precedes the first record. */
  header: string
  write: (records: Fields[]) => string
}

/** `fields` are those of the records; metadata takes one column for each of its keys. */
export function createRecordWriter(
  format: Format,
  { schema, fields, metadataKeys }: { schema: unknown; fields: string[]; metadataKeys: string[] },
): RecordWriter {
  if (format === 'ndjson')
    return {
      header: '',
      write: (records) => records.map((record) => `${JSON.stringify(record)}\n`).join(''),
    }
  const names = fields.flatMap((field) =>
    field === 'metadata' ? metadataKeys.map((key) => `metadata.${key}`) : [field],
  )
  const { find } = columnsOf(schema)
  const columns = names.flatMap((name) => find(name) ?? [])
  return {
    header: formatRow(names),
    write: (records) =>
      records.map((record) => formatRow(columns.map((column) => cellOf(record, column)))).join(''),
  }
}

/** Writes page by page; `write` resolves when there is room for more. */
export async function writeAll(
  { header, write: format }: RecordWriter,
  pages: AsyncIterable<Fields[]>,
  write: (text: string) => Promise<void>,
): Promise<void> {
  if (header !== '') await write(header)
  for await (const page of pages) await write(format(page))
}

function cellOf(record: Fields, { path, kind }: Column): string {
  const value = path.reduce<unknown>(
    (holder, name) =>
      typeof holder === 'object' && holder ? Reflect.get(holder, name) : undefined,
    record,
  )
  return writeCell(kind, value)
}
