/** On every page: pictures that do not load, and shortcuts. */

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

const list = () => document.querySelector('#list')
const isOfList = ({ target }: Event) =>
  target instanceof Element && target.getAttribute('hx-target') === '#list'
document.addEventListener('htmx:beforeRequest', (event) => {
  if (isOfList(event)) list()?.setAttribute('aria-busy', 'true')
})
document.addEventListener('htmx:afterRequest', () => list()?.removeAttribute('aria-busy'))
