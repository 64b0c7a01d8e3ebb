/** The dialog of a change of many: it is asked for, previewed and applied by htmx. */
import { watchGroups } from './groups.ts'
import { toast } from './toast.ts'
import { undoChanges } from './undo.ts'

declare const htmx: { process: (root: Element) => void }
/** What htmx did not put into the page itself. */
export const activate = (root: Element): void => htmx.process(root)

const theDialog = () => document.querySelector<HTMLDialogElement>('#bulk')
const isOurs = (event: Event) => event instanceof CustomEvent && event.detail.target === theDialog()

document.addEventListener('htmx:afterSwap', (event) => {
  const dialog = theDialog()
  // An applied change is answered by nothing.
  if (!dialog || !isOurs(event) || dialog.childElementCount === 0) return
  watchGroups(dialog)
  if (!dialog.open) return dialog.showModal()
  for (const next of ['[aria-invalid]', '[data-apply] .primary', '[autofocus]']) {
    const found = dialog.querySelector<HTMLElement>(next)
    if (found) return found.focus()
  }
})

/** What is applied is what was previewed. */
document.addEventListener('input', ({ target }) => {
  const dialog = theDialog()
  if (!dialog || !(target instanceof Node) || !dialog.contains(target)) return
  dialog.querySelector('[data-preview]')?.remove()
  dialog.querySelector('[data-apply]')?.remove()
  dialog.querySelector('[data-ask]')?.removeAttribute('hidden')
})
document.addEventListener('click', ({ target }) => {
  if (target instanceof HTMLElement && target.dataset.close !== undefined) theDialog()?.close()
})

document.addEventListener('htmx:sendError', (event) => {
  if (!isOurs(event)) return
  const words =
    'The server does not answer. The change may have been made: look at the list before you try again.'
  const dialog = theDialog()
  if (!dialog?.open) return toast(words)
  const problem = document.createElement('p')
  problem.className = 'alert error'
  problem.setAttribute('role', 'alert')
  problem.textContent = words
  dialog.querySelector('.alert')?.remove()
  dialog.querySelector('h2')?.after(problem)
})

const told = 'told'
type Done = { words: string; undo: string }

const tell = ({ words, undo }: Done) =>
  toast(words, undo === '' ? undefined : () => void undoChanges([undo]))

/** By the server, when the change is applied. */
document.addEventListener('bulkdone', (event) => {
  if (!(event instanceof CustomEvent)) return
  // htmx adds the element.
  const { words, undo } = event.detail
  const done: Done = { words: String(words), undo: String(undo) }
  // Before the answer, which is empty, is swapped into it.
  theDialog()?.close()
  const list = document.querySelector('[data-refresh]')
  if (list) {
    tell(done)
    list.dispatchEvent(new Event('refresh'))
    return
  }
  sessionStorage.setItem(told, JSON.stringify(done))
  location.reload()
})
const stored = sessionStorage.getItem(told)
if (stored !== null) {
  sessionStorage.removeItem(told)
  tell(JSON.parse(stored))
}
