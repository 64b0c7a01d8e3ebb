/** On every page: pictures that do not load, shortcuts, and what was just done. */
import './suggest.ts'
import { toast } from './toast.ts'
import { undoChanges } from './undo.ts'

/** An image that failed before this script ran reports it no more. */
function removeBroken(root: ParentNode): void {
  for (const image of root.querySelectorAll('img'))
    if (image.complete && image.naturalWidth === 0) image.remove()
}

document.addEventListener(
  'error',
  (event) => {
    if (event.target instanceof HTMLImageElement) event.target.remove()
  },
  true,
)
removeBroken(document)

document.addEventListener('keydown', (event) => {
  const isCommand = event.ctrlKey || event.metaKey
  if (isCommand && event.key === 'k') {
    const search = document.querySelector<HTMLInputElement>('#q')
    if (!search) return
    event.preventDefault()
    search.focus()
    search.select()
  }
  if (isCommand && event.key === 's') {
    event.preventDefault()
    const { activeElement } = document
    if (activeElement instanceof HTMLInputElement) activeElement.blur()
    document.querySelector<HTMLButtonElement>('.save .primary:not([disabled])')?.click()
  }
})

document.addEventListener('click', ({ target }) => {
  const menu = document.querySelector<HTMLDetailsElement>('.menu[open]')
  if (menu && target instanceof Node && !menu.contains(target)) menu.open = false
})

/** On a phone the sections scroll. In the first frame, as asking for places before would lay the page out twice. */
requestAnimationFrame(() =>
  document.querySelector('.top nav [aria-current]')?.scrollIntoView({ block: 'nearest' }),
)

/** A list that refreshes itself rests while nobody sees the page, and shows no wait. */
document.addEventListener('htmx:beforeRequest', (event) => {
  const { target } = event
  const isRefresh = target instanceof HTMLElement && target.dataset.refresh !== undefined
  if (isRefresh && document.hidden) event.preventDefault()
  if (!isRefresh && isOfList(event)) list()?.setAttribute('aria-busy', 'true')
})
document.addEventListener('htmx:afterRequest', () => list()?.removeAttribute('aria-busy'))
const list = () => document.querySelector('#list')
const isOfList = ({ target }: Event) =>
  target instanceof Element && target.getAttribute('hx-target') === '#list'

/** Who left a list has selected nothing. */
if (!document.querySelector('#selection')) sessionStorage.removeItem('selection')

const done = document.querySelector<HTMLElement>('[data-toast]')
if (done) {
  const ids = done.dataset.undo?.split('.').filter((id) => id !== '') ?? []
  toast(done.dataset.toast ?? '', ids.length > 0 ? () => void undoChanges(ids) : undefined)
  history.replaceState(null, '', location.pathname)
}
