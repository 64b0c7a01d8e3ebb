import { expect, test } from 'vitest'
import { findDelimiter, readTable, type TableRow } from '../../src/import-export/csv.ts'
import { formatRow } from '../../src/lib/csv-row.ts'
import { seededRandom } from '../faults/seeded-random.ts'

async function* inChunks(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

const fileOf = (text: string, size: number) => ({
  name: 't.csv',
  read: () => inChunks(text, size),
  maxRowCharacters: 10_000,
})

async function read(text: string, size = 7, delimiter = ','): Promise<TableRow[]> {
  const rows: TableRow[] = []
  for await (const row of readTable(fileOf(text, size), delimiter)) rows.push(row)
  return rows
}

const cellsOf = async (text: string) => (await read(text)).map(({ cells }) => cells)

test('cells are read whatever the line ends, and however the file arrives', async () => {
  const text = 'a,b\r\n"x ""y"", z","1\r\n2"\r24" pan,\n\n ,\n"last",row'
  for (const size of [1, 2, 3, 1000])
    expect(await read(text, size)).toEqual([
      { line: 1, lastLine: 1, cells: ['a', 'b'] },
      { line: 2, lastLine: 3, cells: ['x "y", z', '1\r\n2'] },
      { line: 4, lastLine: 4, cells: ['24" pan', ''] },
      { line: 7, lastLine: 7, cells: ['last', 'row'] },
    ])
})

test.each([
  ['id,title,price\np1,"Pan 24,10\np2,Pot,20\np3,Lid 24",30\n', 2, 4],
  ['id,title,price\np1,"Pan 24,10\np2,Pot 24",20\n', 2, 3],
  ['id,title\np1,"Pan"24\n', 2, 2],
  ['id,title,price\np1,Pan,"10\n"p2",Pot,20\n', 2, 3],
])(
  'a stray quote that swallows rows makes one faulty row, which names its lines (%#)',
  async (text, line, lastLine) => {
    const rows = await read(text)
    expect(rows[1]).toMatchObject({ line, lastLine, fault: expect.any(String) })
  },
)

test('a file that quotes every cell may hold lines that look like rows', async () => {
  const cells = ['p1', 'one, two, three\nfour, five, six']
  const rows = await read(formatRow(['id', 'title']) + formatRow(cells))
  expect(rows[1]).toEqual({ line: 2, lastLine: 3, cells })
})

test.each([
  ['a;b,c;d\n', ';'],
  ['"a,b,c,d";b\n', ';'],
  ['a\tb\n', '\t'],
  ['sep=|\r\na;b\n', '|'],
  ['a\n', ','],
])('the delimiter of %j is found outside of quotes', (head, delimiter) => {
  expect(findDelimiter(head)).toBe(delimiter)
})

test("Excel's line sep=; is no row", async () => {
  expect(await read('sep=;\r\na;b\n', 5, ';')).toMatchObject([{ line: 2, cells: ['a', 'b'] }])
  expect(await cellsOf('sep=,\na,b\n')).toEqual([['a', 'b']])
})

const random = seededRandom(13)

/** Rows of one width, sometimes all quoted, into which up to three stray quotes fall. */
function drawFile() {
  const width = 2 + random.number(3)
  const quoteEvery = random.number(3) === 0
  const good = Array.from({ length: 6 }, (_, n) => [
    `p${n}`,
    ...Array.from({ length: width - 1 }, () => random.pick(['Pan', 'Pot 24', 'Lid', '10', ''])),
  ])
  const quote = (cell: string) => (quoteEvery || random.number(10) === 0 ? `"${cell}"` : cell)
  const lines = good.map((cells) => cells.map(quote).join(','))
  for (let strays = 1 + random.number(3); strays > 0; strays--) {
    const at = 1 + random.number(lines.length - 1)
    const line = lines[at] ?? ''
    const place = random.number(line.length + 1)
    lines[at] = `${line.slice(0, place)}"${line.slice(place)}`
  }
  return { width, good, text: `${lines.join('\n')}\n` }
}

/** What each line of the file became: a row as it was meant, or rejected. */
const linesOf = (rows: TableRow[], width: number) =>
  rows.flatMap(({ line, lastLine, cells, fault }) => {
    if (fault === undefined && cells.length === width)
      return [[line, cells.join().replaceAll('"', '')]]
    return Array.from({ length: lastLine - line + 1 }, (_, n) => [line + n, 'rejected'])
  })

test('of rows into which stray quotes fell none is lost unsaid', async () => {
  let intact = 0
  for (let run = 0; run < 3_000; run++) {
    const { width, good, text } = drawFile()
    const rows = await read(text).catch((error: Error) => error.message)
    if (typeof rows === 'string') {
      expect(rows).toMatch(/double quote that opens a cell on line \d+ is not closed/)
      continue
    }
    const found = linesOf(rows, width)
    const wanted = good.map((cells, n) => [
      n + 1,
      found[n]?.[1] === 'rejected' ? 'rejected' : cells.join(),
    ])
    intact += found.filter(([, what]) => what !== 'rejected').length
    expect({ text, found }).toEqual({ text, found: wanted })
  }
  expect(intact).toBeGreaterThan(3_000)
})
