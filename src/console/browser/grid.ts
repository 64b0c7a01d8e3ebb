/** The grid: each cell is saved by itself when it is left, in the order of the edits of its row. */
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
import { type Answer, type Fields, send, wordsOf } from './send.ts'
import { toast } from './toast.ts'

const retryMs = 2_000
/** The last save of each row: the next one waits for it, and so has its ETag. */
const queues = new WeakMap<HTMLElement, Promise<void>>()

const dirtyCells = () =>
  [...document.querySelectorAll<HTMLInputElement>('.grid [data-field]')].filter(
    (cell) => isDirty(cell) || state(cell) === 'saving',
  )

function enqueue(cell: HTMLInputElement): void {
  const row = cell.closest('tr')
  if (!row) return
  const before = queues.get(row) ?? Promise.resolve()
  queues.set(
    row,
    before.then(() => save(row, cell)),
  )
}

async function save(row: HTMLElement, cell: HTMLInputElement): Promise<void> {
  if (!isDirty(cell)) return mark(cell, '')
  const text = shown(cell)
  const before = saved(cell)
  mark(cell, 'saving')
  let answer: Answer
  try {
    answer = await write(row, cell, text)
  } catch {
    return failed(cell, 'Not saved: the server does not answer. It is tried again.')
  }
  if (answer.status === 0) return
  if (answer.status >= 500 || answer.status === 401 || answer.status === 429)
    return failed(cell, `Not saved. ${wordsOf(answer, nameOf(cell))}`)
  if (answer.status >= 400) return mark(cell, 'invalid', wordsOf(answer, nameOf(cell)))
  row.dataset.etag = tagOf(answer)
  accept(cell, text, answer.body)
  const title = row.querySelector<HTMLInputElement>('[data-field=title]')?.value ?? ''
  const isHidden = nameOf(cell) === 'published' && text === 'false' && kindOf(row) === 'products'
  const words = isHidden ? 'hidden. Klaviyo skips messages that name it' : 'saved'
  toast(`${title}: ${words}`, () => {
    show(cell, before)
    enqueue(cell)
  })
}

/** What was typed since it was sent stays. */
function accept(cell: HTMLInputElement, sent: string, record: Fields): void {
  const text = textOf(cell, record[nameOf(cell)])
  cell.dataset.value = text
  if (shown(cell) === sent) show(cell, text)
  mark(cell, isDirty(cell) ? '' : 'saved')
}

function failed(cell: HTMLInputElement, words: string): void {
  mark(cell, 'failed', words)
  setTimeout(() => {
    if (state(cell) === 'failed') enqueue(cell)
  }, retryMs)
}

/** Status 0: theirs was kept. Only the other fields changed: it is written at once. */
async function write(row: HTMLElement, cell: HTMLInputElement, text: string): Promise<Answer> {
  const name = nameOf(cell)
  const patch = { [name]: readValue(cell, text) }
  for (;;) {
    const answer = await send('PATCH', pathOf(row), patch, `"${row.dataset.etag}"`)
    if (answer.status !== 412) return answer
    const now = await send('GET', pathOf(row))
    if (now.status !== 200) return now
    row.dataset.etag = tagOf(now)
    const theirs = textOf(cell, now.body[name])
    if (theirs === saved(cell)) continue
    cell.dataset.value = theirs
    const choice = await askConflict(theirs, text)
    if (choice === 'mine') continue
    show(cell, theirs)
    mark(cell, '')
    return { ...now, status: 0 }
  }
}

/** When the cells of the row that were left before are saved. */
export const rowIsSaved = (row: HTMLElement) => queues.get(row) ?? Promise.resolve()

document.addEventListener('change', ({ target }) => {
  if (isCell(target) && !isStaged(target)) enqueue(target)
})
document.addEventListener('keydown', (event) => {
  const { target, key } = event
  if (!isCell(target) || target.type === 'checkbox') return
  if (key === 'Enter') moveDown(target)
  if (key === 'Escape') {
    show(target, saved(target))
    mark(target, '')
    delete target.dataset.staged
  }
})
/** After a fault the browser sees no change when the same text is left again. */
document.addEventListener('focusout', ({ target }) => {
  if (isCell(target) && isDirty(target) && state(target) === 'failed') enqueue(target)
})
for (const cell of dirtyCells()) failed(cell, 'Not saved yet: the page was still loading.')

function moveDown(cell: HTMLInputElement): void {
  const next = cell.closest('tr')?.nextElementSibling
  const below = next?.querySelector<HTMLInputElement>(`[data-field=${nameOf(cell)}]`)
  if (below) below.focus()
  else cell.blur()
}

window.addEventListener('beforeunload', (event) => {
  if (dirtyCells().length > 0) event.preventDefault()
})
/** A new list would throw away what is not saved. */
document.addEventListener('htmx:beforeRequest', (event) => {
  const { target } = event
  if (!(target instanceof Element) || target.getAttribute('hx-target') !== '#list') return
  if (dirtyCells().length === 0) return
  event.preventDefault()
  toast('Some cells are not saved yet. Save or undo them first.')
})
