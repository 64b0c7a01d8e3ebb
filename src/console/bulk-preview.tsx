/** What a change of many would change, by a dry run, and the button that applies exactly that. */
import { countOf } from './bulk-actions.ts'
import type { BulkView, Outcome } from './bulk-state.ts'
import { textOf } from './field-values.ts'
import type { Kind } from './kinds.ts'
import { Table } from './parts.tsx'

export function Preview({ kind, action, outcome }: BulkView) {
  if (!outcome) return null
  const { matched, changed, sample } = outcome
  const same = matched - changed
  return (
    <div data-preview role="status">
      <p>
        <strong>{`${countOf(action, kind, changed)} will change`}</strong>
        {same > 0 && <span class="soft">{`, ${same.toLocaleString('en')} are so already`}</span>}
      </p>
      {sample.length > 0 && <SampleTable kind={kind} sample={sample} />}
      {sample.length < changed && sample.length > 0 && (
        <p class="soft">{`The first ${sample.length} are shown.`}</p>
      )}
    </div>
  )
}

function SampleTable({ kind, sample }: { kind: Kind; sample: Outcome['sample'] }) {
  const links = sample.flatMap((one) => ('store_title' in one ? [one] : []))
  if (links.length > 0)
    return (
      <Table
        label="What will change"
        rows={links}
        columns={[
          { label: 'Product', cell: (one) => one.product_title },
          { label: 'Store', cell: (one) => one.store_title },
        ]}
      />
    )
  const records = sample.flatMap((one) => ('before' in one ? [one] : []))
  return (
    <Table
      label="What will change"
      rows={records}
      columns={[
        { label: kind.name === 'product' ? 'Product' : 'Store', cell: (one) => one.title },
        {
          label: 'Now',
          cell: (one) => (one.after ? valuesOf(kind, one.before) : 'in the catalog'),
        },
        { label: 'Then', cell: (one) => (one.after ? valuesOf(kind, one.after) : 'removed') },
      ]}
    />
  )
}

function valuesOf(kind: Kind, fields: Record<string, unknown>): string {
  const known = kind.groups.flatMap((group) => group.fields)
  const texts = Object.entries(fields).map(([name, value]) => {
    const type = known.find((field) => field.name === name)?.kind ?? 'text'
    if (name === 'published') return value === true ? 'in the feed' : 'hidden'
    if (type === 'flag') return value === true ? 'yes' : 'no'
    return textOf(type, value).replaceAll('\n', ', ') || '(empty)'
  })
  return texts.map((text) => (text.length > 120 ? `${text.slice(0, 120)}…` : text)).join('; ')
}

export function Apply({ outcome, action, kind }: BulkView) {
  if (!outcome || outcome.changed === 0) return null
  return (
    <span data-apply>
      <input type="hidden" name="expected" value={String(outcome.matched)} />
      <button
        type="submit"
        name="step"
        value="apply"
        class={action.verb === 'Remove' ? 'danger' : 'primary'}
      >
        {`${action.verb} ${countOf(action, kind, outcome.changed)}`}
      </button>
    </span>
  )
}
