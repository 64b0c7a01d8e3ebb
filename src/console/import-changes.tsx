/** What an import changes, before and after. */
import type { ImportRecord } from '../import-export/import-schemas.ts'
import { labelOf, valueText } from './changes.ts'
import { Table, Tag } from './parts.tsx'

export function Changes({ found }: { found: ImportRecord }) {
  const { changes, counts } = found
  const all = (counts?.created ?? 0) + (counts?.updated ?? 0)
  return (
    <section aria-label="Changes">
      <h2>{all > changes.length ? `The first ${changes.length} changes` : 'Changes'}</h2>
      <Table
        label="Changes"
        rows={changes}
        columns={[
          { label: 'Id', cell: ({ id }) => <code>{id}</code> },
          {
            label: 'What',
            cell: ({ before }) => (
              <Tag tone={before ? 'warn' : 'good'}>{before ? 'changed' : 'new'}</Tag>
            ),
          },
          {
            label: 'Before → after',
            cell: ({ before, after }) => <Difference before={before} after={after} />,
          },
        ]}
      />
    </section>
  )
}

type Fields = Record<string, unknown>

function Difference({ before, after }: { before: Fields | null; after: Fields }) {
  return (
    <ul class="differences">
      {Object.entries(after).map(([field, value]) => (
        <li>
          <span class="soft">{labelOf(field)}</span>{' '}
          {before && (
            <>
              {valueText(field, before[field])} <span aria-hidden="true">→</span>
              <span class="hidden"> becomes </span>{' '}
            </>
          )}
          {before ? <strong>{valueText(field, value)}</strong> : valueText(field, value)}
        </li>
      ))}
    </ul>
  )
}
