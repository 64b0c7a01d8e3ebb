/** Which rows are selected: the buttons of the bar below the list are about them. */
const bar = () => document.querySelector<HTMLFormElement>('#selection')
const boxes = () => [...document.querySelectorAll<HTMLInputElement>('[data-select]')]
const pageBox = () => document.querySelector<HTMLInputElement>('[data-select-page]')
let last: HTMLInputElement | undefined

const isAll = () => input('all')?.value === 'true'
function input(name: string): HTMLInputElement | undefined {
  const found = bar()?.elements.namedItem(name)
  return found instanceof HTMLInputElement ? found : undefined
}

function set(name: string, value: string): void {
  const found = input(name)
  if (found) found.value = value
}

function refresh(): void {
  const form = bar()
  if (!form) return
  const all = boxes()
  const ticked = all.filter(({ checked }) => checked)
  form.hidden = ticked.length === 0
  set('ids', ticked.map(({ value }) => value).join(','))
  for (const box of all) box.closest('tr')?.classList.toggle('selected', box.checked)
  const page = pageBox()
  if (page) {
    page.checked = ticked.length === all.length && all.length > 0
    page.indeterminate = ticked.length > 0 && ticked.length < all.length
  }
  const count = Number(form.dataset.count).toLocaleString('en')
  const words = form.querySelector('[role=status]')
  if (words) words.textContent = isAll() ? `All ${count} that match` : `${ticked.length} selected`
  const every = form.querySelector<HTMLButtonElement>('[data-choose=all]')
  if (every) every.hidden = isAll()
}

function tick(wanted: HTMLInputElement[], checked: boolean): void {
  for (const box of wanted) box.checked = checked
  set('all', '')
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
    set('all', 'true')
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
  tick(boxes(), false)
  first?.focus()
}

document.addEventListener('keydown', ({ key, target }) => {
  if (key !== 'Escape' || !(target instanceof HTMLElement)) return
  if (target.matches('[data-select], [data-select-page], #selection *')) clear()
})
/** A page that the browser restores keeps its ticks. */
window.addEventListener('pageshow', refresh)
document.addEventListener('htmx:afterSettle', refresh)
