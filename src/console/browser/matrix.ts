/** The matrix: ticks are staged, then saved as differences, so that what others ticked meanwhile stays. */
import './console.ts'
import './bulk.ts'
import { type Answer, send, wordsOf } from './send.ts'
import { toast } from './toast.ts'

type Link = { product_id: string; store_id: string }

const table = document.querySelector<HTMLTableElement>('[data-matrix]')
const rows = [...(table?.tBodies[0]?.rows ?? [])].map((row) => [
  ...row.querySelectorAll<HTMLInputElement>('[data-store]'),
])
const boxes = rows.flat()
const summary = document.querySelector<HTMLElement>('[data-summary]')
const saveButton = document.querySelector<HTMLButtonElement>('[data-save]')
const discardButton = document.querySelector<HTMLButtonElement>('[data-discard]')
let last: HTMLInputElement | undefined

/** `defaultChecked` is what is saved. */
const changed = () => boxes.filter((box) => box.checked !== box.defaultChecked)

function refresh(): void {
  for (const box of boxes)
    box.closest('td')?.classList.toggle('changed', box.checked !== box.defaultChecked)
  const all = changed()
  const sold = all.filter(({ checked }) => checked).length
  if (summary)
    summary.textContent =
      all.length === 0 ? 'Nothing changed' : `${sold} to sell, ${all.length - sold} to stop`
  for (const button of [saveButton, discardButton]) if (button) button.disabled = all.length === 0
}

/** Ticks all of them, or none when all are ticked. */
function toggle(group: HTMLInputElement[]): void {
  const checked = group.some((box) => !box.checked)
  for (const box of group) box.checked = checked
  refresh()
}

const place = (box: HTMLInputElement): [number, number] => {
  const row = rows.findIndex((cells) => cells.includes(box))
  return [row, rows[row]?.indexOf(box) ?? 0]
}

function rectangle(one: HTMLInputElement, other: HTMLInputElement): HTMLInputElement[] {
  const [[row1, column1], [row2, column2]] = [place(one), place(other)]
  return rows
    .slice(Math.min(row1, row2), Math.max(row1, row2) + 1)
    .flatMap((cells) => cells.slice(Math.min(column1, column2), Math.max(column1, column2) + 1))
}

/** The matrix is one stop of Tab: the cell that was last in use. */
function focus(box: HTMLInputElement | undefined): void {
  if (!box) return
  for (const one of boxes) one.tabIndex = one === box ? 0 : -1
  box.focus()
}

table?.addEventListener('click', (event) => {
  const { target } = event
  if (target instanceof HTMLInputElement) {
    if (event.shiftKey && last)
      for (const box of rectangle(last, target)) box.checked = target.checked
    last = target
    focus(target)
    return refresh()
  }
  if (!(target instanceof HTMLButtonElement)) return
  if (target.dataset.stores !== undefined) {
    const stores = new Set(target.dataset.stores.split(','))
    toggle(boxes.filter((box) => stores.has(box.dataset.store ?? '')))
  } else {
    toggle([...(target.closest('tr')?.querySelectorAll<HTMLInputElement>('[data-store]') ?? [])])
  }
})

const steps: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
}
table?.addEventListener('keydown', (event) => {
  const step = steps[event.key]
  if (!step || !(event.target instanceof HTMLInputElement)) return
  event.preventDefault()
  const [row, column] = place(event.target)
  focus(rows[row + step[0]]?.[column + step[1]])
})

const linkOf = (box: HTMLInputElement): Link => ({
  product_id: box.closest('tr')?.dataset.product ?? '',
  store_id: box.dataset.store ?? '',
})

discardButton?.addEventListener('click', () => {
  for (const box of boxes) box.checked = box.defaultChecked
  refresh()
})
saveButton?.addEventListener('click', () => save(changed()))

async function save(group: HTMLInputElement[]): Promise<void> {
  const wanted = group.map((box) => ({ box, checked: box.checked }))
  const links = (checked: boolean) =>
    wanted.filter((one) => one.checked === checked).map(({ box }) => linkOf(box))
  saveButton?.setAttribute('disabled', '')
  let answer: Answer
  try {
    answer = await send('POST', '/v1/availability/batch', {
      add: links(true),
      remove: links(false),
    })
  } catch {
    return say('Not saved: the server does not answer. Your ticks are kept; try again.')
  }
  if (answer.status !== 200) return say(`Not saved. ${wordsOf(answer, 'add')}`)
  for (const { box, checked } of wanted) box.defaultChecked = checked
  refresh()
  toast(`Saved: ${links(true).length} sold, ${links(false).length} stopped`, () => {
    for (const { box, checked } of wanted) box.checked = !checked
    refresh()
    void save(wanted.map(({ box }) => box))
  })
}

function say(words: string): void {
  if (summary) summary.textContent = words
  saveButton?.removeAttribute('disabled')
}

window.addEventListener('beforeunload', (event) => {
  if (changed().length > 0) event.preventDefault()
})
refresh()
/** What is changed in the dialog is read anew. */
document.addEventListener('htmx:beforeRequest', (event) => {
  if (changed().length === 0) return
  event.preventDefault()
  toast('Some ticks are not saved yet. Save or discard them first.')
})
