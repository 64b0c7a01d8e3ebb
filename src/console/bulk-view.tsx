/** The dialog of a change of many. */
import { chosenField, type Given, inputOf } from './bulk-actions.ts'
import { BulkFields } from './bulk-fields.tsx'
import { Apply, Preview } from './bulk-preview.tsx'
import type { BulkView } from './bulk-state.ts'
import type { Kind } from './kinds.ts'

export function BulkDialog(view: BulkView) {
  const { kind, name, action, given, problem, notice } = view
  const path = `/console/bulk/${kind.plural}/${name}`
  const asked = view.outcome !== undefined
  return (
    <form hx-post={path} hx-target="#bulk" hx-swap="innerHTML" hx-sync="this:drop" class="bulk">
      {['ids', 'all', 'where', 'count'].map((one) => (
        <input type="hidden" name={one} value={given.text(one)} />
      ))}
      <h2 id="bulk-title">{`${action.title} ${whatOf(view)}`}</h2>
      {(problem ?? notice) && (
        <p class="alert error" role="alert">
          {[problem ?? notice, ...loose(view)].join(' ')}
        </p>
      )}
      {action.warning && <p class="warning">{action.warning}</p>}
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

/** Errors that stand beside no field. */
function loose({ errors = [], kind, given, action, name }: BulkView): string[] {
  const shown = shownInputs(kind, name, given)
  return action.isPlain || errors.some(({ field }) => field === 'expected')
    ? []
    : errors
        .filter(({ field }) => !shown.some((one) => isOf(inputOf(field), one)))
        .map(({ detail }) => `${detail}.`)
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
