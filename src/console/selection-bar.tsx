/** Below the list: what can be done with the selected rows, and with pasted cells. */
import { actions } from './bulk-actions.ts'
import type { Filters } from './filters.tsx'
import { apiFilters } from './grid-query.ts'
import type { Kind } from './kinds.ts'

const flags = new Set(['published', 'in_stock', 'in_store_only'])
const amounts = new Set(['price_min', 'price_max'])

/** As a change of what matches takes them. */
const whereOf = (given: Filters) =>
  Object.fromEntries(
    Object.entries(apiFilters(given)).map(([name, text]) => [name, filterValue(name, text)]),
  )

function filterValue(name: string, text: string): unknown {
  if (flags.has(name)) return text === 'true'
  return amounts.has(name) ? Number(text) : text
}

type SelectionBarProps = {
  kind: Kind
  given: Filters
  count: number
  shown: number
  /** The address of the list, which the selection belongs to. */
  list: string
}

/** Shown by the script while rows are selected. */
function SelectionBar({ kind, given, count, shown, list }: SelectionBarProps) {
  return (
    <form
      id="selection"
      class="save selection"
      data-count={count}
      data-list={list}
      autocomplete="off"
      hidden
    >
      <input type="hidden" name="ids" />
      <input type="hidden" name="all" />
      <input type="hidden" name="where" value={JSON.stringify(whereOf(given))} />
      <input type="hidden" name="count" value={String(count)} />
      <div class="words">
        <span role="status" />
        <button type="button" class="plain" data-choose="all" hidden={count <= shown}>
          {`Select all ${count.toLocaleString('en')} that match`}
        </button>
        <button type="button" class="plain" data-choose="none">
          Clear
        </button>
      </div>
      {Object.entries(actions)
        .filter(([, { kinds }]) => kinds.includes(kind.name))
        .map(([name, { label }]) => (
          <button
            type="button"
            class={name === 'remove' ? 'danger' : undefined}
            hx-post={`/console/bulk/${kind.plural}/${name}`}
            hx-target="#bulk"
          >
            {label}
          </button>
        ))}
    </form>
  )
}

function StagedBar() {
  return (
    <div id="staged" class="save" hidden>
      <span role="status" />
      <button type="button" data-stage="discard">
        Discard
      </button>
      <button type="button" class="primary" data-stage="save">
        Save all
      </button>
    </div>
  )
}

/** Reads the list again, at the page that it shows. */
function Refresh({ url }: { url: string }) {
  return (
    <span
      hidden
      data-refresh
      hx-get={url}
      hx-trigger="refresh"
      hx-target="#list"
      hx-select="#list"
      hx-swap="outerHTML"
    />
  )
}

type ListBarsProps = SelectionBarProps & {
  mayWrite: boolean
  /** Of the page of the list that is shown. */
  address: string
}

export function ListBars({ mayWrite, address, ...selection }: ListBarsProps) {
  return (
    <>
      {mayWrite && selection.shown > 0 && (
        <div class="bars">
          <StagedBar />
          <SelectionBar {...selection} />
        </div>
      )}
      <Refresh url={address} />
    </>
  )
}
