/** What is filled in for a change of many. */
import { chosenField, inputOf, offeredFields } from './bulk-actions.ts'
import type { BulkView } from './bulk-state.ts'
import { count } from './count.ts'
import type { Field } from './kinds.ts'
import { FieldInput } from './record-field.tsx'
import type { Texts } from './record-form.ts'
import type { StoreOption } from './records.ts'
import { StoreBoxes } from './store-boxes.tsx'
import { StoreFinder } from './store-finder.tsx'

export function BulkFields(view: BulkView) {
  switch (view.name) {
    case 'set':
      return <SetField {...view} />
    case 'categories':
      return <Categories {...view} />
    case 'price':
      return <Price {...view} />
    case 'sell':
      return <Sell {...view} />
    case 'copy':
      return <Copy {...view} />
    default:
      return null
  }
}

/** Errors by the inputs of the dialog. */
const errorsOf = ({ errors = [] }: BulkView) =>
  errors.map(({ field, detail }) => ({ field: inputOf(field), detail }))

function SetField(view: BulkView) {
  const { kind, given } = view
  const field = chosenField(kind, given)
  if (!field) return null
  const texts: Texts = { [field.name]: given.text(field.name) }
  return (
    <div class="fields">
      <div class="field first">
        <label for="bulk-field">Field</label>
        <select
          id="bulk-field"
          name="field"
          autofocus
          hx-post={`/console/bulk/${kind.plural}/set`}
          hx-target="#bulk"
          hx-trigger="change"
        >
          {offeredFields(kind).map(({ name, label }) => (
            <option value={name} selected={name === field.name}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <FieldInput
        field={{ ...field, label: field.kind === 'flag' ? 'Yes' : 'New value', ...hintOf(field) }}
        texts={texts}
        errors={errorsOf(view)}
        suggest={field.suggests ? `${kind.plural}.${field.name}` : undefined}
      />
    </div>
  )
}

const hintOf = ({ kind, hint }: Field): { hint?: string } => {
  if (kind === 'flag') return {}
  if (kind === 'metadata')
    return { hint: 'One a line, as name = value. Fields that are not named here stay.' }
  return { hint: [hint, 'Leave it empty to empty the field.'].filter(Boolean).join(' ') }
}

function Categories(view: BulkView) {
  const { kind, given } = view
  const parts = ['categories.add', 'categories.remove']
  const texts = Object.fromEntries(parts.map((one) => [one, given.text(one)]))
  const suggest = `${kind.plural}.categories`
  const common = { kind: 'list', hint: 'One a line.' } as const
  return (
    <div class="fields">
      <FieldInput
        field={{ name: 'categories.add', label: 'Add', ...common }}
        texts={texts}
        errors={errorsOf(view)}
        suggest={suggest}
      />
      <FieldInput
        field={{ name: 'categories.remove', label: 'Remove', ...common }}
        texts={texts}
        errors={errorsOf(view)}
        suggest={suggest}
      />
    </div>
  )
}

function Price(view: BulkView) {
  const { given } = view
  const texts = { number: given.text('number'), decimals: given.text('decimals') || '2' }
  return (
    <div class="fields">
      <div class="field">
        <label for="bulk-by">By</label>
        <select id="bulk-by" name="by" autofocus>
          <option value="percent">Percent</option>
          <option value="amount" selected={given.text('by') === 'amount'}>
            Amount
          </option>
        </select>
      </div>
      <FieldInput
        field={{
          name: 'number',
          label: 'How much',
          kind: 'number',
          hint: 'Below zero to lower them, such as -10.',
        }}
        texts={texts}
        errors={errorsOf(view)}
      />
      <FieldInput
        field={{
          name: 'decimals',
          label: 'Decimals',
          kind: 'number',
          hint: 'The new price is rounded to them.',
        }}
        texts={texts}
        errors={errorsOf(view)}
      />
    </div>
  )
}

function Sell({ given, choice, errors = [] }: BulkView) {
  const { stores } = choice
  const ticked = new Set(given.all('sold_in'))
  const region = given.text('region')
  const isTicked = ({ id, region: own }: StoreOption) =>
    ticked.has(id) || (given.text('step') === '' && region !== '' && own === region)
  const error = errors.find(({ field }) => inputOf(field) === 'sold_in')?.detail
  return (
    <>
      <div class="fields">
        <div class="field first">
          <label for="bulk-action">What to do</label>
          <select id="bulk-action" name="action" autofocus>
            <option value="add">Sell them there</option>
            <option value="remove" selected={given.text('action') === 'remove'}>
              Stop selling them there
            </option>
          </select>
        </div>
      </div>
      <fieldset class="where" aria-describedby={error ? 'bulk-stores' : undefined}>
        <legend>Stores</legend>
        {error && (
          <p class="error" id="bulk-stores">
            {ticked.size === 0 ? 'Choose at least one store.' : error}
          </p>
        )}
        <label class="all-stores">
          <input
            type="checkbox"
            name="all_stores"
            value="yes"
            checked={given.text('all_stores') !== ''}
          />
          All stores there are
        </label>
        <StoreFinder {...choice} />
        <StoreBoxes stores={stores} isTicked={isTicked} />
        <TickedElsewhere ids={[...ticked].filter((id) => stores.every((one) => one.id !== id))} />
      </fieldset>
    </>
  )
}

/** What was ticked in another part of the list stays ticked. */
function TickedElsewhere({ ids }: { ids: string[] }) {
  if (ids.length === 0) return null
  return (
    <p class="soft">
      {`${count(ids.length, 'ticked store')} not shown here.`}
      {ids.map((id) => (
        <input type="hidden" name="sold_in" value={id} />
      ))}
    </p>
  )
}

function Copy({ given, choice, selected, errors = [] }: BulkView) {
  const { stores } = choice
  const own = 'ids' in selected ? selected.ids : []
  const error = errors.find(({ field }) => inputOf(field) === 'source')?.detail
  return (
    <div class="field">
      <StoreFinder {...choice} />
      <label for="bulk-source">Sell here what this store sells</label>
      <select
        id="bulk-source"
        name="source"
        autofocus
        aria-invalid={error ? 'true' : undefined}
        aria-describedby="bulk-source-hint"
      >
        {stores
          .filter(({ id }) => !own.includes(id))
          .map(({ id, title }) => (
            <option value={id} selected={given.text('source') === id}>
              {title}
            </option>
          ))}
      </select>
      <p class={error ? 'error' : 'hint'} id="bulk-source-hint">
        {error ?? 'What is sold here already stays.'}
      </p>
    </div>
  )
}
