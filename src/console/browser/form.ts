/** The form of a record: asks before edits are lost or something is removed, and ticks the stores of a region together. */
import { choose } from './dialog.ts'
import { toast } from './toast.ts'

const form = document.querySelector<HTMLFormElement>('[data-form]')
let isSubmitting = false

const saved = document.querySelector<HTMLElement>('[data-toast]')
if (saved) {
  toast(saved.dataset.toast ?? '')
  history.replaceState(null, '', location.pathname)
}
document.querySelector<HTMLElement>('[aria-invalid]')?.focus()

const isChanged = (control: Element) => {
  if (control instanceof HTMLInputElement)
    return control.type === 'checkbox'
      ? control.name !== '' && control.checked !== control.defaultChecked
      : control.value !== control.defaultValue
  return control instanceof HTMLTextAreaElement && control.value !== control.defaultValue
}
const isDirty = () => [...(form?.elements ?? [])].some(isChanged)

window.addEventListener('beforeunload', (event) => {
  if (!isSubmitting && isDirty()) event.preventDefault()
})
form?.addEventListener('submit', () => {
  isSubmitting = true
})
/** A page that comes back from the history has not been sent. */
window.addEventListener('pageshow', () => {
  isSubmitting = false
})

for (const one of document.querySelectorAll<HTMLFormElement>('[data-confirm]'))
  one.addEventListener('submit', async (event) => {
    event.preventDefault()
    const choice = await choose(
      'Are you sure?',
      [one.dataset.confirm ?? ''],
      [
        { value: 'no', label: 'Keep it', main: true },
        { value: 'yes', label: 'Remove' },
      ],
      'no',
    )
    if (choice === 'no') return
    isSubmitting = true
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

for (const all of document.querySelectorAll<HTMLInputElement>('[data-all]')) {
  const group = all.closest('div')
  const boxes = [...(group?.querySelectorAll<HTMLInputElement>('[name=sold_in]') ?? [])]
  const update = () => {
    const ticked = boxes.filter(({ checked }) => checked).length
    all.checked = ticked === boxes.length
    all.indeterminate = ticked > 0 && ticked < boxes.length
  }
  all.addEventListener('change', () => {
    for (const box of boxes) box.checked = all.checked
  })
  group?.addEventListener('change', update)
  update()
}
