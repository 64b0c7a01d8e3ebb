/** What an import changes, before and after, and which rows it rejects. */
import { labelOf, valueText } from './changes.ts'
import { choicesOf, fileTypes, type ImportRecord, mapsOf } from './imports.ts'
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

export function Rejected({ found, mayWrite }: { found: ImportRecord; mayWrite: boolean }) {
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
      {mayWrite && <CorrectedForm found={found} />}
    </section>
  )
}

/** What was chosen for the whole file: the corrected one has a few of its rows, and is written by the server. */
const ofWholeFile = new Set(['map', 'lacking', 'of', 'yes', 'delimiter', 'encoding'])

/** Takes the rows that were rejected, with the options of this import. */
function CorrectedForm({ found: { kind, options } }: { found: ImportRecord }) {
  const same = Object.entries(choicesOf(options)).filter(([name]) => !ofWholeFile.has(name))
  const columns = mapsOf(options.map).map(([column, field]) => [`map.${column}`, field] as const)
  const given = { ...Object.fromEntries([...same, ...columns]), kind, skip_unknown: 'true' }
  return (
    <form
      class="block corrected"
      method="post"
      action="/console/import"
      enctype="multipart/form-data"
    >
      {Object.entries(given).map(([name, value]) => (
        <input type="hidden" name={name} value={value} />
      ))}
      <div class="field first">
        <label for="corrected">The corrected file</label>
        <input id="corrected" type="file" name="file" required accept={fileTypes} />
        <p class="hint">Read as this one was, with its columns.</p>
      </div>
      <button type="submit">Check the corrected file</button>
    </form>
  )
}
