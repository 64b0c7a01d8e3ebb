/** Reads a table (CSV) row by row, each with its line number in the file. */
import { pipeline } from 'node:stream/promises'
import { type CsvError, parse } from 'csv-parse'
import { AppError } from '../lib/errors.ts'

export type TableRow = { line: number; cells: string[] }

/** Far more than a real row needs; a quote that is never closed would read the rest of the file. */
const maxRowCharacters = 8_000_000

const lineEnd = /\r\n|\n|\r/g

/** A quote inside an unquoted cell is literal, as in 24" pan. The number of cells is not checked here. */
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
  const piped = pipeline(bytes, parser)
  // The loop below gets the same error from the parser.
  piped.catch(() => undefined)
  let line = 1
  try {
    // Lines are counted here: the parser's own line info triples its time.
    for await (const cells of rowsOf(parser)) {
      if (cells.length > 1 || cells[0] !== '') yield { line, cells }
      line += 1 + cells.reduce((sum, cell) => sum + countLineEnds(cell), 0)
    }
    await piped
  } catch (error) {
    throw explainCsvError(name, error)
  }
}

/** Typed by what the options above make of a row. */
const rowsOf = (parser: AsyncIterable<string[]>): AsyncIterable<string[]> => parser

const countLineEnds = (cell: string) =>
  cell.includes('\n') || cell.includes('\r') ? (cell.match(lineEnd)?.length ?? 0) : 0

function explainCsvError(name: string, error: unknown): unknown {
  if (!isCsvError(error)) return error
  const reason =
    error.code === 'CSV_MAX_RECORD_SIZE'
      ? 'a row is longer than 8 MB, most likely because a double quote is not closed'
      : error.message.replace(/\.$/, '').replace(/^(.)/, (first) => first.toLowerCase())
  return new AppError('invalid', `${name} is not a valid CSV file: ${reason}.`)
}

const isCsvError = (error: unknown): error is CsvError =>
  error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')
