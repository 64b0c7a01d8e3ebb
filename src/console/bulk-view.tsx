/** The dialog of a change of many. */
import { chosenField, type Given, inputOf } from './bulk-actions.ts'
import { BulkFields } from './bulk-fields.tsx'
import { Apply, Preview } from './bulk-preview.tsx'
import type { BulkView } from './bulk-state.ts'
import type { Kind } from './kinds.ts'

export function BulkDialog(view: BulkView) {
  const { kind, name, action, given } = view
  const path = `/console/bulk/${kind.plural}/${name}`
  const asked = view.outcome !== undefined
  const words = alertOf(view)
  return (
    <form hx-post={path} hx-target="#bulk" hx-swap="innerHTML" hx-sync="this:drop" class="bulk">
      {['ids', 'all', 'where', 'count'].map((one) => (
        <input type="hidden" name={one} value={given.text(one)} />
      ))}
      <h2 id="bulk-title">{`${action.title} ${whatOf(view)}`}</h2>
      {words !== '' && (
        <p class="alert error" role="alert">
          {words}
        </p>
      )}
      {action.warning && <p class="warning">{action.warning(kind)}</p>}
      <BulkFields {...view} />
      <Preview {...view} />
      <div class="actions">
        <button type="button" data-close>
          Cancel
        </button>
        {!action.isPlain && (
          <button type="submit" name="step" value="preview" class="primary" data-ask hidden={asked}>
            Preview
          </button>
        )}
        <Apply {...view} />
      </div>
    </form>
  )
}

function whatOf({ selected, given, kind }: BulkView): string {
  const count = 'ids' in selected ? selected.ids.length : Number(given.text('count'))
  const noun = count === 1 ? kind.name : kind.plural
  const number = count.toLocaleString('en')
  return 'ids' in selected ? `${number} ${noun}` : `all ${number} ${noun} that match`
}

/** What does not stand beside a field already. */
function alertOf({ notice, problem, errors = [], kind, given, action, name }: BulkView): string {
  if (notice !== undefined || problem === undefined) return notice ?? ''
  if (action.isPlain || errors.length === 0) return problem
  const shown = shownInputs(kind, name, given)
  const rest = errors.filter(({ field }) => !shown.some((one) => isOf(inputOf(field), one)))
  return rest.length === 0
    ? ''
    : [
        problem,
        ...rest.map(({ detail }) => `${detail.charAt(0).toUpperCase()}${detail.slice(1)}.`),
      ].join(' ')
}

const isOf = (field: string, input: string) => field === input || field.startsWith(`${input}.`)

const inputs: Record<string, string[]> = {
  categories: ['categories.add', 'categories.remove'],
  price: ['number', 'decimals'],
  sell: ['sold_in'],
  copy: ['source'],
}

const shownInputs = (kind: Kind, name: string, given: Given): string[] =>
  name === 'set' ? [chosenField(kind, given)?.name ?? ''] : (inputs[name] ?? [])
