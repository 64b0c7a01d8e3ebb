/** Changes in the words of the pages. */
import type { Change, ChangedRecord, Conflict } from '../history/change-schemas.ts'
import { count } from './count.ts'
import { textOf } from './field-values.ts'
import { type FieldKind, fieldNamed } from './kinds.ts'

export type Place = Pick<
  Conflict,
  'kind' | 'product_id' | 'store_id' | 'product_title' | 'store_title'
>

export const changeApiPath = (id: string) => `/v1/changes/${encodeURIComponent(id)}`

const verbs = { created: 'created', updated: 'changed', removed: 'removed' } as const

/** "2 products changed, 1 place of sale removed". */
export function sentenceOf({ counts }: Change): string {
  const order = ['product', 'store', 'availability']
  const sorted = counts.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
  const parts = sorted.map(({ kind, action, count: number }) =>
    kind === 'availability'
      ? `${count(number, 'place of sale', 'places of sale')} ${action === 'created' ? 'added' : 'removed'}`
      : `${count(number, kind)} ${verbs[action]}`,
  )
  return parts.join(', ')
}

export const whoOf = ({ actor }: Change) => actor ?? 'Command line'
export const wayOf = ({ via, file }: Change) =>
  ({ console: 'in the console', rest: 'by REST', import: file ? `import of ${file}` : 'import' })[
    via
  ]

/** Of what no form has as a field. */
const otherLabels: Record<string, string> = { id: 'Id', store_ids: 'Stores' }

export function labelOf(field: string): string {
  if (field.startsWith('metadata.')) return `Own field ${field.slice('metadata.'.length)}`
  return fieldNamed(field)?.label ?? otherLabels[field] ?? field
}

const shownLength = 90

/** Orders and their like have values that no form shows. */
export function valueText(field: string, value: unknown): string {
  if (value === null || value === undefined || value === '') return '(empty)'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  const kind: FieldKind = fieldNamed(field)?.kind ?? 'text'
  const isShownSo = kind === 'list' ? Array.isArray(value) : ['money', 'metadata'].includes(kind)
  const other = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const text = isShownSo ? textOf(kind, value).replaceAll('\n', ', ') : other
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text || '(empty)'
}

type FieldChange = { field: string; label: string; before: string; after: string }

/** Only what has a value, when the record was created or removed. */
export function fieldChanges({ before, after }: ChangedRecord): FieldChange[] {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
  return names.map((field) => ({
    field,
    label: labelOf(field),
    before: valueText(field, before?.[field]),
    after: valueText(field, after?.[field]),
  }))
}
