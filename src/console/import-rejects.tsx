/** The rows that an import rejects: corrected in the page, or in a file. */
import type { Child } from 'hono/jsx'
import type { ImportRecord } from '../import-export/import-schemas.ts'
import { formatRow, parseRows } from '../lib/csv-row.ts'
import { count } from './count.ts'
import { choicesOf, fileTypes, mapsOf } from './imports.ts'
import { Table } from './parts.tsx'

/** More are corrected in a file, or after these. */
const maxShown = 20

export type RejectedProps = {
  found: ImportRecord
  /** The rejected rows as a table, for somebody who may import; null if they are none. */
  rejects: string | null
}

export function Rejected({ found, rejects }: RejectedProps) {
  const rejected = found.counts?.rejected ?? 0
  return (
    <section aria-label="Rejected rows">
      <div class="title">
        <h2>{`Rejected: ${count(rejected, 'row')}`}</h2>
        <a class="button" href={`/console/v1/imports/${found.id}/rejects`} download>
          Download them to correct
        </a>
      </div>
      {rejects === null ? (
        <Table
          label="Rejected rows"
          rows={found.rejected}
          columns={[
            { label: 'Line', end: true, cell: ({ line }) => String(line) },
            { label: 'Why', cell: ({ reason }) => reason },
          ]}
        />
      ) : (
        <>
          <RowsForm found={found} rejects={rejects} />
          <FileForm found={found} />
        </>
      )}
    </section>
  )
}

function RowsForm({ found, rejects }: { found: ImportRecord; rejects: string }) {
  const [[, , ...names] = [], ...rows] = firstRows(rejects)
  const rejected = found.counts?.rejected ?? 0
  return (
    <SameOptions found={found}>
      <p class="soft">
        {rejected > maxShown ? `These are the first ${maxShown}. ` : ''}
        Correct them here, or empty the cells of a row to leave it out. They become an import of
        their own, which is checked first
        {found.status === 'checked' ? '; the rows above still have to be applied.' : '.'}
      </p>
      {names.map((name) => (
        <input type="hidden" name="column" value={name} />
      ))}
      {rows.map(([line, reason, ...cells], n) => (
        <fieldset class="rejected-row" aria-describedby={`reason-${n}`}>
          <legend>{`Line ${line}`}</legend>
          <p class="error" id={`reason-${n}`}>
            {reason}
          </p>
          <div class="fields">
            {[...cells, ...names.slice(cells.length).map(() => '')].map((cell, at) => (
              <Cell row={n} at={at} label={names[at] || `Cell ${at + 1}`} text={cell} />
            ))}
          </div>
        </fieldset>
      ))}
      <button class="primary" type="submit">
        {`Check the corrected ${rows.length === 1 ? 'row' : 'rows'}`}
      </button>
    </SameOptions>
  )
}

function firstRows(rejects: string): string[][] {
  const rows: string[][] = []
  for (const row of parseRows(rejects)) {
    rows.push(row)
    if (rows.length > maxShown) break
  }
  return rows
}

type CellProps = { row: number; at: number; label: string; text: string }

function Cell({ row, at, label, text }: CellProps) {
  const given = { id: `cell-${row}-${at}`, name: `cell.${row}` }
  return (
    <div class="field">
      <label for={given.id}>{label}</label>
      {/[\r\n]/.test(text) ? (
        // A line break that a text area begins with is not part of what it holds.
        <textarea {...given} rows={2}>{`\n${text}`}</textarea>
      ) : (
        <input {...given} value={text} autocomplete="off" />
      )}
    </div>
  )
}

/** The file that the form of {@link RowsForm} stands for; undefined of another form. */
export function correctedRows(form: FormData): ArrayBuffer | undefined {
  const names = form.getAll('column').map(String)
  if (names.length === 0) return undefined
  const rows = [names]
  for (let n = 0; form.has(`cell.${n}`); n++) {
    const cells = form.getAll(`cell.${n}`).map((cell) => String(cell).replaceAll('\r\n', '\n'))
    const last = cells.findLastIndex((cell) => cell !== '')
    rows.push(cells.slice(0, Math.max(names.length, last + 1)))
  }
  return new TextEncoder().encode(rows.map(formatRow).join('')).buffer
}

/** Takes the rejects file, corrected. */
function FileForm({ found }: { found: ImportRecord }) {
  return (
    <SameOptions found={found}>
      <div class="field first">
        <label for="corrected">Or the corrected file</label>
        <input id="corrected" type="file" name="file" required accept={fileTypes} />
        <p class="hint">Read as this one was, with its columns.</p>
      </div>
      <button type="submit">Check the corrected file</button>
    </SameOptions>
  )
}

/** What was chosen for the whole file: what is corrected is a few of its rows, and is written by the server. */
const ofWholeFile = new Set(['map', 'lacking', 'of', 'yes', 'delimiter', 'encoding'])

/** An import with the options of this one. */
function SameOptions({
  found: { kind, options },
  children,
}: {
  found: ImportRecord
  children: Child
}) {
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
      {children}
    </form>
  )
}
