/** The text that spreadsheets put into the clipboard: cells by tabs, rows by line breaks, quoted where a cell holds either. */
export function readBlock(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  // A quoted cell with its doubled quotes, or anything up to the next tab or line break; then what ends it.
  const cell = /(?:"((?:[^"]|"")*)"(?=[\t\r\n]|$)|([^\t\r\n]*))(\t|\r\n|\n|\r|$)/y
  while (cell.lastIndex < text.length) {
    const [, quoted, plain = '', end = ''] = cell.exec(text) ?? []
    row.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === '\t') {
      // A tab at the very end is followed by an empty cell.
      if (cell.lastIndex === text.length) row.push('')
      else continue
    }
    rows.push(row)
    row = []
  }
  return rows
}
