/** The grid: each cell is saved by itself when it is left, in the order of the edits of its row. */
import { choose } from './dialog.ts'
import { type Answer, type Fields, send, wordsOf } from './send.ts'
import { toast } from './toast.ts'

const retryMs = 2_000
/** The last save of each row: the next one waits for it, and so has its ETag. */
const queues = new WeakMap<HTMLElement, Promise<void>>()

const isCell = (target: EventTarget | null): target is HTMLInputElement =>
  target instanceof HTMLInputElement && target.closest('.grid') !== null

const shown = (cell: HTMLInputElement) =>
  cell.type === 'checkbox' ? String(cell.checked) : cell.value
const saved = (cell: HTMLInputElement) => cell.dataset.value ?? ''
const nameOf = (cell: HTMLInputElement) => cell.dataset.field ?? ''

function show(cell: HTMLInputElement, text: string): void {
  if (cell.type === 'checkbox') cell.checked = text === 'true'
  else cell.value = text
}

const isDirty = (cell: HTMLInputElement) => {
  const [text, last] = [shown(cell).trim(), saved(cell)]
  const isNumber = cell.dataset.kind === 'money' || cell.dataset.kind === 'number'
  if (isNumber && text !== '' && last !== '' && Number(text) === Number(last)) return false
  return text !== last
}
const dirtyCells = () =>
  [...document.querySelectorAll<HTMLInputElement>('.grid [data-field]')].filter(
    (cell) => isDirty(cell) || state(cell) === 'saving',
  )

const state = (cell: HTMLInputElement) => cell.parentElement?.dataset.state

function mark(
  cell: HTMLInputElement,
  next: 'saving' | 'saved' | 'failed' | 'invalid' | '',
  words = '',
): void {
  const box = cell.parentElement
  if (!box) return
  box.dataset.state = next
  box.querySelector('.note')?.remove()
  cell.removeAttribute('aria-invalid')
  cell.removeAttribute('aria-describedby')
  if (words === '') return
  const note = document.createElement('span')
  note.className = 'note'
  note.id = `note-${nameOf(cell)}-${cell.closest('tr')?.rowIndex}`
  note.setAttribute('role', 'alert')
  note.textContent = words
  cell.setAttribute('aria-invalid', 'true')
  cell.setAttribute('aria-describedby', note.id)
  box.append(note)
}

function readValue(cell: HTMLInputElement, text: string): unknown {
  const { kind } = cell.dataset
  const trimmed = text.trim()
  if (kind === 'flag') return text === 'true'
  if (kind === 'list')
    return trimmed
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
  if (trimmed === '') return null
  const isNumber = (kind === 'money' || kind === 'number') && /^-?\d+(\.\d+)?$/.test(trimmed)
  return isNumber ? Number(trimmed) : trimmed
}

function textOf(cell: HTMLInputElement, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.join(', ')
  if (cell.dataset.kind === 'money' && typeof value === 'number')
    return /\.\d{3,}/.test(String(value)) ? String(value) : value.toFixed(2)
  return String(value)
}

function enqueue(cell: HTMLInputElement): void {
  const row = cell.closest('tr')
  if (!row) return
  const before = queues.get(row) ?? Promise.resolve()
  queues.set(
    row,
    before.then(() => save(row, cell)),
  )
}

const pathOf = (row: HTMLElement) =>
  `/v1/${row.closest<HTMLElement>('.grid')?.dataset.kind}/${encodeURIComponent(row.dataset.id ?? '')}`

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
  toast(`${title}: saved`, () => {
    show(cell, before)
    enqueue(cell)
  })
}

const tagOf = ({ etag }: Answer) => (etag ?? '').replaceAll('"', '')

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
    const choice = await choose(
      'Changed since you read it',
      [`Now: ${theirs || '(empty)'}`, `Yours: ${text || '(empty)'}`],
      [
        { value: 'theirs', label: 'Keep theirs' },
        { value: 'mine', label: 'Write mine', main: true },
      ],
      'theirs',
    )
    if (choice === 'mine') continue
    show(cell, theirs)
    mark(cell, '')
    return { ...now, status: 0 }
  }
}

document.addEventListener('change', ({ target }) => {
  if (isCell(target)) enqueue(target)
})
document.addEventListener('keydown', (event) => {
  const { target, key } = event
  if (!isCell(target) || target.type === 'checkbox') return
  if (key === 'Enter') moveDown(target)
  if (key === 'Escape') {
    show(target, saved(target))
    mark(target, '')
  }
})
/** After a fault the browser sees no change when the same text is left again. */
document.addEventListener('focusout', ({ target }) => {
  if (isCell(target) && isDirty(target) && state(target) === 'failed') enqueue(target)
})

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
