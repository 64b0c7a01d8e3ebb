/** In charge of reading tables (CSV) row by row, each with its line in the file. */
import { pipeline } from 'node:stream/promises'
import { type CsvError, parse } from 'csv-parse'
import { AppError } from '../lib/errors.ts'

export type TableRow = { line: number; cells: string[] }

/** No honest row is longer; a quote that is never closed would take in the rest of the file. */
const maxRowCharacters = 8_000_000

const lineEnd = /\r\n|\n|\r/g

/** A quote within a cell that is not quoted stands for itself, as in 24" pan. The number of cells is not checked here. */
export async function* readTable(
  name: string,
  bytes: AsyncIterable<Buffer>,
  delimiter: string,
): AsyncGenerator<TableRow> {
  const parser = parse({
    bom: true,
    delimiter,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
    max_record_size: maxRowCharacters,
  })
  const fed = pipeline(bytes, parser)
  // Told by the parser too, as it is read.
  fed.catch(() => undefined)
  let line = 1
  try {
    // Lines are counted here: the parser's own account takes it three times as long.
    for await (const cells of records(parser)) {
      if (cells.length > 1 || cells[0] !== '') yield { line, cells }
      line += 1 + cells.reduce((sum, cell) => sum + linesWithin(cell), 0)
    }
    await fed
  } catch (error) {
    throw explained(name, error)
  }
}

/** Without options that would change them, records are lists of texts. */
const records = (parser: AsyncIterable<string[]>): AsyncIterable<string[]> => parser

const linesWithin = (cell: string) =>
  cell.includes('\n') || cell.includes('\r') ? (cell.match(lineEnd)?.length ?? 0) : 0

function explained(name: string, error: unknown): unknown {
  const fault = isCsvError(error) ? error : undefined
  if (fault === undefined) return error
  const why =
    fault.code === 'CSV_MAX_RECORD_SIZE'
      ? 'holds a row longer than 8 MB: most often a double quote that is not closed'
      : fault.message.replace(/\.$/, '').replace(/^(.)/, (first) => first.toLowerCase())
  return new AppError('invalid', `${name} is not a CSV file that can be read: ${why}.`)
}

const isCsvError = (error: unknown): error is CsvError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')
