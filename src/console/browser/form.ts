/**
 * The form of a record: it is sent without leaving the page, so that what was typed outlives a server that does not
 * answer and a session that ended; asks before edits are lost or something is removed; ticks the stores of a region
 * together.
 */
import './console.ts'
import { activate } from './bulk.ts'
import { choose } from './dialog.ts'
import { watchGroups } from './groups.ts'

let isLeaving = false
const theForm = () => document.querySelector<HTMLFormElement>('[data-form]')

const isChanged = (control: Element) => {
  if (control instanceof HTMLInputElement)
    return control.type === 'checkbox'
      ? control.name !== '' && control.checked !== control.defaultChecked
      : control.value !== control.defaultValue
  return control instanceof HTMLTextAreaElement && control.value !== control.defaultValue
}
const isDirty = () => [...(theForm()?.elements ?? [])].some(isChanged)

window.addEventListener('beforeunload', (event) => {
  if (!isLeaving && isDirty()) event.preventDefault()
})
/** A page that comes back from the history has not been sent. */
window.addEventListener('pageshow', () => {
  isLeaving = false
})

async function submit(form: HTMLFormElement): Promise<void> {
  const body = new FormData(form)
  form.setAttribute('aria-busy', 'true')
  try {
    const response = await fetch(form.action, { method: 'POST', body })
    const { pathname } = new URL(response.url)
    if (pathname === '/console/sign-in')
      warn(form, 'Not saved: your session has ended. Sign in in another tab, then save again.')
    else if (response.status >= 500 || response.status === 429)
      warn(form, 'Not saved: the server cannot save it now. Try again in a moment.')
    else if (response.redirected) leaveFor(response.url)
    else showInstead(form, await response.text())
  } catch {
    warn(form, 'Not saved: the server does not answer. Try again in a moment.')
  } finally {
    form.removeAttribute('aria-busy')
  }
}

/** Nothing typed is lost. */
function warn(form: HTMLFormElement, words: string): void {
  form.querySelector('.unsaved')?.remove()
  const note = document.createElement('p')
  note.className = 'block alert error unsaved'
  note.setAttribute('role', 'alert')
  note.textContent = words
  form.querySelector('.save')?.before(note)
}

function leaveFor(url: string): void {
  isLeaving = true
  location.assign(url)
}

/** The answer is this page again, with faults or conflicts; else it says why not. */
function showInstead(form: HTMLFormElement, html: string): void {
  const next = new DOMParser().parseFromString(html, 'text/html')
  const main = next.querySelector('main')
  if (!main?.querySelector('[data-form]')) {
    warn(form, `Not saved. ${main?.querySelector('p')?.textContent ?? ''}`)
    return
  }
  document.title = next.title
  document.querySelector('main')?.replaceWith(main)
  activate(main)
  connect()
  scrollTo(0, 0)
}

/** Everything on the page that reacts. */
function connect(): void {
  document.querySelector<HTMLElement>('[aria-invalid]')?.focus()
  const form = theForm()
  form?.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (form.getAttribute('aria-busy') !== 'true') await submit(form)
  })

  for (const one of document.querySelectorAll<HTMLFormElement>('[data-confirm]'))
    one.addEventListener('submit', async (event) => {
      event.preventDefault()
      const choice = await choose(
        'Are you sure?',
        [one.dataset.confirm ?? ''],
        [
          { value: 'no', label: 'Keep it', main: true },
          { value: 'yes', label: 'Remove', danger: true },
        ],
        'no',
      )
      if (choice === 'no') return
      isLeaving = true
      one.submit()
    })

  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-take]'))
    button.addEventListener('click', () => {
      const control = form?.elements.namedItem(button.dataset.take ?? '')
      const theirs = button.dataset.theirs ?? ''
      if (control instanceof HTMLInputElement && control.type === 'checkbox')
        control.checked = theirs === 'true'
      else if (control && 'value' in control) control.value = theirs
      button.disabled = true
    })

  watchGroups(document)
}

connect()
