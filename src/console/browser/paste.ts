/** A block of cells from a spreadsheet: staged in the grid, then saved together, all or nothing. */
import {
  askConflict,
  isCell,
  isDirty,
  isStaged,
  kindOf,
  mark,
  nameOf,
  pathOf,
  readValue,
  saved,
  show,
  shown,
  state,
  tagOf,
  textOf,
} from './cells.ts'
import { rowIsSaved } from './grid.ts'
import { type Answer, send, wordsOf } from './send.ts'
import { toast } from './toast.ts'
import { readBlock } from './tsv.ts'

type Row = { row: HTMLTableRowElement; cells: HTMLInputElement[] }

const cellsOf = (row: Element) => [...row.querySelectorAll<HTMLInputElement>('[data-field]')]
const stagedCells = () =>
  [...document.querySelectorAll<HTMLInputElement>('.grid [data-staged]')].filter(isStaged)
const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`

document.addEventListener('paste', (event) => {
  const { target } = event
  if (!isCell(target)) return
  const block = readBlock(event.clipboardData?.getData('text/plain') ?? '')
  // One value is pasted into the text of its cell by the browser.
  if (block.length === 1 && block[0]?.length === 1) return
  event.preventDefault()
  stageBlock(target, block)
})

function stageBlock(first: HTMLInputElement, block: string[][]): void {
  const row = first.closest('tr')
  const rows = [...(row?.parentElement?.children ?? [])]
  const [top, left] = [row ? rows.indexOf(row) : 0, row ? cellsOf(row).indexOf(first) : 0]
  let skipped = 0
  block.forEach((texts, down) => {
    const cells = cellsOf(rows[top + down] ?? document.createElement('tr'))
    texts.forEach((text, right) => {
      const cell = cells[left + right]
      if (cell && !cell.readOnly && !cell.disabled) stage(cell, text)
      else skipped++
    })
  })
  refresh(skipped === 0 ? '' : `${plural(skipped, 'value')} did not fit and stayed out. `)
  first.focus()
}

const flags: Record<string, string> = {
  ...{ true: 'true', yes: 'true', 1: 'true' },
  ...{ false: 'false', no: 'false', 0: 'false', '': 'false' },
}

function stage(cell: HTMLInputElement, text: string): void {
  const isFlag = cell.dataset.kind === 'flag'
  const wanted = isFlag
    ? flags[text.trim().toLowerCase()]
    : text.replaceAll(/(?<!\s)\s*[\r\n]\s*/g, ' ')
  if (wanted === undefined) {
    mark(cell, 'invalid', `must be TRUE or FALSE, got "${text}"`)
    return
  }
  show(cell, wanted)
  restage(cell)
}

function restage(cell: HTMLInputElement): void {
  if (isDirty(cell)) cell.dataset.staged = ''
  else delete cell.dataset.staged
  mark(cell, isDirty(cell) ? 'staged' : '')
}

const bar = () => document.querySelector<HTMLElement>('#staged')

function refresh(words = ''): void {
  const count = stagedCells().length
  const box = bar()
  if (!box) return
  box.hidden = count === 0
  const text = box.querySelector('[role=status]')
  if (text) text.textContent = `${words}${plural(count, 'cell')} to save`
}

document.addEventListener('input', ({ target }) => {
  if (!isCell(target) || !isStaged(target)) return
  restage(target)
  refresh()
})
document.addEventListener('keydown', ({ key, target }) => {
  if (key === 'Escape' && isCell(target)) refresh()
})
document.addEventListener('click', ({ target }) => {
  if (!(target instanceof HTMLButtonElement)) return
  if (target.dataset.stage === 'save') void saveAll(stagedCells())
  if (target.dataset.stage === 'discard') {
    for (const cell of stagedCells()) {
      show(cell, saved(cell))
      restage(cell)
    }
    refresh()
  }
})

function rowsOf(cells: HTMLInputElement[]): Row[] {
  const rows = new Map<HTMLTableRowElement, HTMLInputElement[]>()
  for (const cell of cells) {
    const row = cell.closest('tr')
    if (row) rows.set(row, [...(rows.get(row) ?? []), cell])
  }
  return [...rows].map(([row, own]) => ({ row, cells: own }))
}

async function saveAll(cells: HTMLInputElement[]): Promise<void> {
  const rows = rowsOf(cells)
  const [first] = rows
  if (!first) return
  const kind = kindOf(first.row)
  const before = cells.map((cell) => ({ cell, text: saved(cell) }))
  for (const cell of cells) mark(cell, 'saving')
  await Promise.all(rows.map(({ row }) => rowIsSaved(row)))
  const answer = await write(kind, rows).catch(() => undefined)
  if (answer?.status === 200) {
    accept(answer, rows)
    refresh()
    toast(`${plural(cells.length, 'cell')} saved`, () => {
      for (const { cell, text } of before) {
        show(cell, text)
        restage(cell)
      }
      void saveAll(cells.filter(isStaged))
    })
    return
  }
  for (const cell of cells) if (state(cell) === 'saving') restage(cell)
  const faults = answer ? markFaults(answer, rows) : 0
  refresh()
  say(wordsFor(answer, faults))
}

function wordsFor(answer: Answer | undefined, faults: number): string {
  if (!answer)
    return 'Nothing was saved: the server does not answer. Your cells are kept; try again.'
  if (faults > 0)
    return `Nothing was saved: ${plural(faults, 'cell')} cannot be saved as ${faults === 1 ? 'it is' : 'they are'}.`
  return `Nothing was saved. ${wordsOf(answer, '')}`
}

function say(words: string): void {
  const text = bar()?.querySelector('[role=status]')
  if (text) text.textContent = words
}

/** Again, as long as the rows that others changed can be settled. */
async function write(kind: string, rows: Row[]): Promise<Answer> {
  for (;;) {
    const patches = rows.map(({ row, cells }) => ({
      id: row.dataset.id,
      if_match: row.dataset.etag,
      ...Object.fromEntries(cells.map((cell) => [nameOf(cell), readValue(cell, shown(cell))])),
    }))
    const answer = await send('PATCH', `/v1/${kind}`, { [kind]: patches })
    if (answer.status !== 412) return answer
    for (const place of faultyPlaces(answer)) {
      const settled = rows[place.row] && (await settle(rows[place.row]))
      if (settled && settled.status !== 200) return settled
    }
  }
}

/** Reads the row again, and asks about each cell that somebody else changed too. */
async function settle(one: Row | undefined): Promise<Answer | undefined> {
  if (!one) return undefined
  const now = await send('GET', pathOf(one.row))
  if (now.status !== 200) return now
  one.row.dataset.etag = tagOf(now)
  for (const cell of one.cells) {
    const theirs = textOf(cell, now.body[nameOf(cell)])
    if (theirs === saved(cell)) continue
    cell.dataset.value = theirs
    if ((await askConflict(theirs, shown(cell))) === 'theirs') show(cell, theirs)
  }
  return now
}

type Place = { row: number; field: string; detail: string }

/** Of `products.3.price` and what is wrong with it. */
function faultyPlaces({ body }: Answer): Place[] {
  const errors: { field: string; detail: string }[] = Array.isArray(body.errors) ? body.errors : []
  return errors.flatMap(({ field, detail }) => {
    const [, row, name] = /^\w+\.(\d+)\.(\w+)/.exec(field) ?? []
    return row === undefined || name === undefined
      ? []
      : [{ row: Number(row), field: name, detail }]
  })
}

function markFaults(answer: Answer, rows: Row[]): number {
  const marked = new Set<HTMLInputElement>()
  for (const { row, field, detail } of faultyPlaces(answer)) {
    const cells = rows[row]?.cells ?? []
    const cell = cells.find((one) => nameOf(one) === field) ?? cells[0]
    if (!cell || marked.has(cell)) continue
    mark(cell, 'invalid', detail)
    marked.add(cell)
  }
  const [first] = marked
  first?.focus()
  return marked.size
}

function accept({ body }: Answer, rows: Row[]): void {
  const etags = new Map(Object.entries(Object(body.etags)))
  for (const { row, cells } of rows) {
    row.dataset.etag = String(etags.get(row.dataset.id ?? '') ?? '')
    for (const cell of cells) {
      const text = textOf(cell, readValue(cell, shown(cell)))
      cell.dataset.value = text
      show(cell, text)
      delete cell.dataset.staged
      mark(cell, 'saved')
    }
  }
}
