/** What an import changes, before and after, and which rows it rejects. */
import type { ImportRecord } from './imports.ts'
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
    <ul class="difference">
      {Object.entries(after).map(([field, value]) => (
        <li>
          <span class="soft">{`${field}: `}</span>
          {before && (
            <>
              <del>{textOf(before[field])}</del>
              {' → '}
            </>
          )}
          <ins>{textOf(value)}</ins>
        </li>
      ))}
    </ul>
  )
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty'
  if (Array.isArray(value)) return value.length > 0 ? value.join(', ') : 'empty'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

export function Rejected({ found }: { found: ImportRecord }) {
  const count = found.counts?.rejected ?? 0
  return (
    <section aria-label="Rejected rows">
      <div class="title">
        <h2>{`Rejected: ${count.toLocaleString('en')} ${count === 1 ? 'row' : 'rows'}`}</h2>
        <a class="button" href={`/console/v1/imports/${found.id}/rejects`} download>
          Download them to correct
        </a>
      </div>
      <Table
        label="Rejected rows"
        rows={found.rejected}
        columns={[
          { label: 'Line', end: true, cell: ({ line }) => String(line) },
          { label: 'Why', cell: ({ reason }) => reason },
        ]}
      />
    </section>
  )
}
