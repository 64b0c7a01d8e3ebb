/** A cell of the grid: what it shows, what is saved, and its state. */
import { choose } from './dialog.ts'
import type { Answer } from './send.ts'

export const isCell = (target: EventTarget | null): target is HTMLInputElement =>
  target instanceof HTMLInputElement && target.matches('.grid [data-field]')

export const shown = (cell: HTMLInputElement) =>
  cell.type === 'checkbox' ? String(cell.checked) : cell.value
export const saved = (cell: HTMLInputElement) => cell.dataset.value ?? ''
export const nameOf = (cell: HTMLInputElement) => cell.dataset.field ?? ''

export function show(cell: HTMLInputElement, text: string): void {
  if (cell.type === 'checkbox') cell.checked = text === 'true'
  else cell.value = text
}

export const isDirty = (cell: HTMLInputElement) => {
  const [text, last] = [shown(cell).trim(), saved(cell)]
  const isNumber = cell.dataset.kind === 'money' || cell.dataset.kind === 'number'
  if (isNumber && text !== '' && last !== '' && Number(text) === Number(last)) return false
  return text !== last
}
export const state = (cell: HTMLInputElement) => cell.parentElement?.dataset.state

export function mark(
  cell: HTMLInputElement,
  next: 'saving' | 'saved' | 'failed' | 'invalid' | 'staged' | '',
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

export function readValue(cell: HTMLInputElement, text: string): unknown {
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

export function textOf(cell: HTMLInputElement, value: unknown): string {
  if (value === null || value === undefined) return ''
  if (Array.isArray(value)) return value.join(', ')
  if (cell.dataset.kind === 'money' && typeof value === 'number')
    return /\.\d{3,}/.test(String(value)) ? String(value) : value.toFixed(2)
  return String(value)
}

/** A staged cell is saved with the others of its block, not by itself. */
export const isStaged = (cell: HTMLInputElement) => cell.dataset.staged !== undefined

export const kindOf = (row: HTMLElement) => row.closest<HTMLElement>('.grid')?.dataset.kind ?? ''
export const pathOf = (row: HTMLElement) =>
  `/v1/${kindOf(row)}/${encodeURIComponent(row.dataset.id ?? '')}`
export const tagOf = ({ etag }: Answer) => (etag ?? '').replaceAll('"', '')

/** Somebody else wrote another value into the cell: which of both stays? */
export function askConflict(theirs: string, mine: string): Promise<'theirs' | 'mine'> {
  return choose(
    'Changed since you read it',
    [`Now: ${theirs || '(empty)'}`, `Yours: ${mine || '(empty)'}`],
    [
      { value: 'theirs', label: 'Keep theirs' },
      { value: 'mine', label: 'Write mine', main: true },
    ],
    'theirs',
  )
}
