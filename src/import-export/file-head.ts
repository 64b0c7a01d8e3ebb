/** How a file begins, and the names of its columns. */
import { AppError } from '../lib/errors.ts'
import { findDelimiter, readTable, type TableRow } from './csv.ts'
import type { InputFile } from './input-file.ts'

/** At least the first line, if it is not too long. */
export async function readHead(input: InputFile): Promise<string> {
  let text = ''
  for await (const chunk of input.read()) {
    text += chunk
    if (text.trimStart().includes('\n') || text.length > 100_000) break
  }
  return text
}

/** Of a table that may not be mapped otherwise. */
export async function readColumnNames(
  input: InputFile,
  delimiter: string | undefined,
): Promise<string[]> {
  const found = delimiter ?? findDelimiter(await readHead(input))
  return readHeaderCells(input.name, readTable(input, found))
}

export async function readHeaderCells(
  name: string,
  rows: AsyncGenerator<TableRow>,
): Promise<string[]> {
  for await (const { cells, fault } of rows) {
    if (fault !== undefined)
      throw new AppError('invalid', `${name} has a header that cannot be read: ${fault}.`)
    return cells.map((cell) => cell.trim())
  }
  throw new AppError('invalid', `${name} is empty.`)
}
