/**
 * Which rows are selected, on all pages of a list: the buttons of the bar below it are about them. Kept while the pages
 * of one list follow one another; every other page forgets it.
 */
const bar = () => document.querySelector<HTMLFormElement>('#selection')
const boxes = () => [...document.querySelectorAll<HTMLInputElement>('[data-select]')]
const pageBox = () => document.querySelector<HTMLInputElement>('[data-select-page]')
const chosen = new Set<string>()
let isAll = false
let last: HTMLInputElement | undefined

const kept = 'selection'

/** Of this list only: other filters are another list. */
function load(): void {
  const stored = JSON.parse(sessionStorage.getItem(kept) ?? 'null')
  const isOurs = stored !== null && stored.list === bar()?.dataset.list
  chosen.clear()
  for (const id of isOurs ? stored.ids : []) chosen.add(id)
  isAll = isOurs && stored.isAll
  for (const box of boxes()) box.checked = isAll || chosen.has(box.value)
  refresh()
}

function store(list: string | undefined): void {
  if (chosen.size === 0) sessionStorage.removeItem(kept)
  else sessionStorage.setItem(kept, JSON.stringify({ list, ids: [...chosen], isAll }))
}

function set(name: string, value: string): void {
  const found = bar()?.elements.namedItem(name)
  if (found instanceof HTMLInputElement) found.value = value
}

function refresh(): void {
  const form = bar()
  if (!form) return
  const all = boxes()
  const ticked = all.filter(({ checked }) => checked)
  form.hidden = chosen.size === 0
  set('ids', [...chosen].join(','))
  set('all', isAll ? 'true' : '')
  store(form.dataset.list)
  for (const box of all) box.closest('tr')?.classList.toggle('selected', box.checked)
  const page = pageBox()
  if (page) {
    page.checked = ticked.length === all.length && all.length > 0
    page.indeterminate = ticked.length > 0 && ticked.length < all.length
  }
  const words = form.querySelector('[role=status]')
  // The first number that a page formats takes tens of milliseconds: not while it loads.
  if (words && !form.hidden) words.textContent = wordsOf(form, ticked.length)
  const every = form.querySelector<HTMLButtonElement>('[data-choose=all]')
  if (every) every.hidden = isAll
}

function wordsOf({ dataset }: HTMLFormElement, here: number): string {
  if (isAll) return `All ${Number(dataset.count).toLocaleString('en')} that match`
  const elsewhere = chosen.size - here
  const selected = `${chosen.size.toLocaleString('en')} selected`
  return elsewhere > 0 ? `${selected}, ${elsewhere.toLocaleString('en')} on other pages` : selected
}

function tick(wanted: HTMLInputElement[], checked: boolean): void {
  // Of all that match, those stay that are seen.
  if (isAll) chosen.clear()
  for (const box of wanted) box.checked = checked
  for (const box of isAll ? boxes() : wanted)
    if (box.checked) chosen.add(box.value)
    else chosen.delete(box.value)
  isAll = false
  refresh()
}

document.addEventListener('click', (event) => {
  const { target } = event
  if (target instanceof HTMLInputElement) {
    if (target.dataset.select !== undefined) tickOne(target, event.shiftKey)
    if (target.dataset.selectPage !== undefined) tick(boxes(), target.checked)
  }
  if (!(target instanceof HTMLButtonElement)) return
  if (target.dataset.choose === 'none') clear()
  if (target.dataset.choose === 'all') {
    tick(boxes(), true)
    isAll = true
    refresh()
  }
})

/** With Shift, all from the last one on. */
function tickOne(box: HTMLInputElement, isRange: boolean): void {
  const all = boxes()
  const [from, to] = [last ? all.indexOf(last) : -1, all.indexOf(box)]
  const range = all.slice(Math.min(from, to), Math.max(from, to) + 1)
  last = box
  tick(isRange && from >= 0 ? range : [box], box.checked)
}

function clear(): void {
  const [first] = boxes()
  forget()
  first?.focus()
}

function forget(): void {
  chosen.clear()
  tick(boxes(), false)
}

document.addEventListener('keydown', ({ key, target }) => {
  if (key !== 'Escape' || !(target instanceof HTMLElement)) return
  if (target.matches('[data-select], [data-select-page], #selection *')) clear()
})
/** What was selected may be gone now. */
document.addEventListener('bulkdone', forget)
window.addEventListener('pageshow', load)
document.addEventListener('htmx:afterSettle', load)
