/** Inputs propose values that the catalog has already. */
import { send } from './send.ts'

const waitMs = 150
const shownAtMost = 20
let waiting: ReturnType<typeof setTimeout> | undefined

const proposals = document.createElement('datalist')
proposals.id = 'proposals'
document.body.append(proposals)

const isInput = (target: EventTarget | null): target is HTMLInputElement =>
  target instanceof HTMLInputElement && target.dataset.suggest !== undefined

for (const type of ['focusin', 'input'])
  document.addEventListener(type, ({ target }) => {
    if (!isInput(target) || target.readOnly) return
    clearTimeout(waiting)
    waiting = setTimeout(() => void propose(target), waitMs)
  })

/** In a list, for the part after the last comma. */
function partsOf({ value, dataset }: HTMLInputElement): [string, string] {
  const comma = dataset.kind === 'list' ? value.lastIndexOf(',') + 1 : 0
  return [value.slice(0, comma), value.slice(comma).trim()]
}

async function propose(input: HTMLInputElement): Promise<void> {
  const [of = '', field = ''] = (input.dataset.suggest ?? '').split('.')
  const [before, q] = partsOf(input)
  const query = new URLSearchParams({ of, field, q, limit: String(shownAtMost) })
  const answer = await send('GET', `/v1/catalog/values?${query}`).catch(() => undefined)
  if (!Array.isArray(answer?.body.values) || document.activeElement !== input) return
  const options = answer.body.values.map(({ value }: { value: string }) => {
    const option = document.createElement('option')
    option.value = before === '' ? value : `${before} ${value}`
    return option
  })
  proposals.replaceChildren(...options)
  input.setAttribute('list', proposals.id)
}

/** An input that adds a line to a text. */
document.addEventListener('change', ({ target }) => {
  if (!isInput(target) || target.dataset.adds === undefined) return
  const text = document.getElementById(target.dataset.adds)
  const line = target.value.trim()
  if (!(text instanceof HTMLTextAreaElement) || line === '') return
  const lines = text.value.split('\n').filter((one) => one.trim() !== '')
  text.value = [...lines.filter((one) => one.trim() !== line), line].join('\n')
  target.value = ''
  text.dispatchEvent(new Event('input', { bubbles: true }))
})
document.addEventListener('keydown', (event) => {
  const { target, key } = event
  if (key !== 'Enter' || !isInput(target) || target.dataset.adds === undefined) return
  event.preventDefault()
  target.dispatchEvent(new Event('change', { bubbles: true }))
})
