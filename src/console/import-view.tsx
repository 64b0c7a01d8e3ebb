/** One import: what it would do, which column is what, and what becomes of it. */
import type { Child } from 'hono/jsx'
import type { ImportFormats, ImportRecord, ImportSummary } from '../import-export/import-schemas.ts'
import { labelOf } from './changes.ts'
import { Changes } from './import-changes.tsx'
import { Again } from './import-columns.tsx'
import { Rejected, type RejectedProps } from './import-rejects.tsx'
import { kindLabels } from './imports.ts'
import { Facts, PageTitle, Table, Tag, Time } from './parts.tsx'

const tones = {
  checking: 'soft',
  checked: 'warn',
  refused: 'bad',
  applying: 'soft',
  applied: 'good',
  interrupted: 'bad',
} as const
const words = {
  checking: 'Being checked',
  checked: 'Checked, not applied',
  refused: 'Refused',
  applying: 'Being applied',
  applied: 'Applied',
  interrupted: 'Interrupted',
}

const StatusTag = ({ status }: Pick<ImportSummary, 'status'>) => (
  <Tag tone={tones[status]}>{words[status]}</Tag>
)

const isRunning = ({ status }: Pick<ImportSummary, 'status'>) =>
  status === 'checking' || status === 'applying'

export type ImportView = RejectedProps & { formats: ImportFormats; mayWrite: boolean }

export function ImportView(view: ImportView) {
  const { found, rejects, mayWrite } = view
  const isOpen = mayWrite && !isRunning(found) && found.status !== 'applied'
  return (
    <>
      <PageTitle
        title={`Import of ${(kindLabels[found.kind] ?? found.kind).toLowerCase()}`}
        back={['/console/import', 'Import']}
      >
        {mayWrite && !isRunning(found) && <RemoveForm found={found} />}
      </PageTitle>
      <State {...view} />
      {found.changes.length > 0 && <Changes found={found} />}
      {found.rejected.length > 0 && <Rejected found={found} rejects={rejects} />}
      {isOpen && <Again {...view} />}
    </>
  )
}

/** Asks again by itself while something is under way. */
function State({ found, mayWrite }: ImportView) {
  const { status, counts, error, rows, done } = found
  const path = `/console/import/${found.id}`
  const asks = isRunning(found)
    ? { 'hx-get': path, 'hx-trigger': 'every 1s', 'hx-select': 'main > *', 'hx-target': '#main' }
    : {}
  return (
    <section class="block" aria-label="State" {...asks}>
      <p>
        <StatusTag status={status} />
        {isRunning(found) && <span class="soft">{` ${done.toLocaleString('en')} rows done `}</span>}
        {isRunning(found) && <a href={path}>Look again</a>}
      </p>
      {error && (
        <p class="alert error" role="alert">
          {wordsOf(error)}
        </p>
      )}
      {found.notes.map((note) => (
        <p class="soft">{`${note}.`}</p>
      ))}
      {counts && <Facts facts={factsOf(found, counts)} />}
      {status === 'checked' && counts && mayWrite && <ApplyForm found={found} counts={counts} />}
      {status === 'interrupted' && rows !== null && mayWrite && (
        <form method="post" action={`${path}/apply`}>
          <p>What was written stays. Apply it again: what is there already does not change.</p>
          <button class="primary" type="submit">
            Apply again
          </button>
        </form>
      )}
      {status === 'applied' && (
        <p class="actions">
          {hasList(found.kind) && (
            <a class="button primary" href={listOf(found.kind)}>
              {`See the ${found.kind} changed today`}
            </a>
          )}
          {isOfCatalog(found.kind) && found.change_id && (
            <a class="button" href={`/console/changes/${found.change_id}`}>
              See and undo what it changed
            </a>
          )}
        </p>
      )}
    </section>
  )
}

/** The page has its own way to match columns. */
const wordsOf = (error: string) =>
  error.replace(/(?<=\. )Rename (it|a column) with .*$/, 'Choose below what each column becomes.')

const isOfCatalog = (kind: string) => ['products', 'stores', 'availability'].includes(kind)
const hasList = (kind: string) => ['products', 'stores'].includes(kind)
const listOf = (kind: string) => `/console/${kind}?sort=-updated_at&changed=today`

type Counts = NonNullable<ImportSummary['counts']>

function factsOf(found: ImportRecord, counts: Counts): [string, Child][] {
  const number = (count: number) => count.toLocaleString('en')
  const goes = found.options.remove === 'true' || found.kind === 'availability'
  const emptied = Object.entries(found.emptied).map(
    ([field, count]) => `${labelOf(field)} (${number(count)})`,
  )
  const facts: [string, Child | null][] = [
    ['New', number(counts.created)],
    ['Changed', number(counts.updated)],
    ['The same', number(counts.unchanged)],
    ['Left out', counts.skipped > 0 ? number(counts.skipped) : null],
    ['Rejected', number(counts.rejected)],
    [
      goes ? 'Removed' : 'Taken out of the feed',
      counts.lacking === null ? null : number(counts.lacking),
    ],
    ['Emptied', emptied.length > 0 ? emptied.join(', ') : null],
  ]
  return facts.flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as [string, Child]],
  )
}

function ApplyForm({ found, counts }: { found: ImportRecord; counts: Counts }) {
  const written = counts.created + counts.updated + (counts.lacking ?? 0)
  const isMerge = found.options.merge === 'true'
  return (
    <form method="post" action={`/console/import/${found.id}/apply`}>
      <p class="soft">
        {isMerge
          ? 'A row changes only what it names.'
          : 'A row replaces its record whole: what the file does not say is emptied.'}{' '}
        What somebody else changed since the check is overwritten by the file.
      </p>
      <button class="primary" type="submit" disabled={written === 0}>
        {written === 0
          ? 'Nothing to apply'
          : `Apply: ${written.toLocaleString('en')} ${written === 1 ? 'record' : 'records'}`}
      </button>
    </form>
  )
}

function RemoveForm({ found }: { found: ImportRecord }) {
  return (
    <form
      method="post"
      action={`/console/import/${found.id}/remove`}
      data-confirm="Remove this import? What it wrote stays."
    >
      <button class="danger" type="submit">
        Remove
      </button>
    </form>
  )
}

export function RecentImports({ imports }: { imports: ImportSummary[] }) {
  return (
    <section aria-label="Imports of the last day">
      <h2>Imports of the last day</h2>
      <Table
        label="Imports of the last day"
        rows={imports}
        columns={[
          {
            label: 'What',
            cell: ({ id, kind }) => (
              <a href={`/console/import/${id}`}>{kindLabels[kind] ?? kind}</a>
            ),
          },
          { label: 'State', cell: ({ status }) => <StatusTag status={status} /> },
          { label: 'Rows', end: true, cell: ({ rows }) => rows?.toLocaleString('en') ?? '' },
          {
            label: 'New',
            end: true,
            cell: ({ counts }) => counts?.created.toLocaleString('en') ?? '',
          },
          {
            label: 'Changed',
            end: true,
            cell: ({ counts }) => counts?.updated.toLocaleString('en') ?? '',
          },
          {
            label: 'Rejected',
            end: true,
            cell: ({ counts }) => counts?.rejected.toLocaleString('en') ?? '',
          },
          { label: 'When', cell: ({ created_at }) => <Time at={created_at} /> },
        ]}
      />
    </section>
  )
}
