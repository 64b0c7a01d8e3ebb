/** Rows of a table (CSV) all of whose cells are quoted, so that whoever reads them takes line breaks in cells for text. */

export const formatRow = (cells: string[]): string =>
  `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`

/** Of what {@link formatRow} wrote. */
export function* parseRows(text: string): Generator<string[]> {
  let row: string[] = []
  for (const [, cell = '', end] of text.matchAll(/"([^"]*(?:""[^"]*)*)"(,|\n)/gy)) {
    row.push(cell.replaceAll('""', '"'))
    if (end === ',') continue
    yield row
    row = []
  }
}
