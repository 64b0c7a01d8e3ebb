/** The undo of a change: what would be put back and what stays, before anything is written. */

import type { Context, Hono } from 'hono'
import { changeDetail, type UndoResult, undoResult } from '../history/change-schemas.ts'
import { read, succeeded } from './api.ts'
import { changePath, Differences, RecordName } from './change-parts.tsx'
import { changeApiPath, labelOf, sentenceOf } from './changes.ts'
import type { ConsoleEnv } from './console-env.ts'
import { count } from './count.ts'
import { page } from './layout.tsx'
import { PageTitle, Table } from './parts.tsx'

type C = Context<ConsoleEnv>

export function undoPage(pages: Hono<ConsoleEnv>): void {
  pages.get('/changes/:id/undo', preview)
  pages.post('/changes/:id/undo', undo)
}

const apiPath = (c: C) => changeApiPath(c.req.param('id') ?? '')

const undoBy = async (c: C, dryRun: boolean) =>
  undoResult.parse(
    succeeded(await c.get('api')('POST', `${apiPath(c)}/undo`, { body: { dry_run: dryRun } })),
  )

async function preview(c: C) {
  const found = await read(c.get('api'), `${apiPath(c)}?limit=1`, changeDetail)
  const result = await undoBy(c, true)
  return page(
    c,
    { title: 'Undo' },
    <>
      <PageTitle
        title={`Undo: ${sentenceOf(found)}?`}
        back={[changePath(found), 'The change']}
        hint={summaryOf(result)}
      />
      <form method="post" class="actions">
        <button class="primary" type="submit" disabled={result.restored === 0}>
          {`Put back ${count(result.restored, 'record')}`}
        </button>
        <a class="button" href={changePath(found)}>
          Leave it
        </a>
      </form>
      <Preview result={result} />
    </>,
  )
}

function summaryOf({ restored, unchanged, conflicts }: UndoResult): string {
  const parts = [
    restored === 0
      ? 'Nothing can be put back.'
      : `${count(restored, 'record')} will be as before the change.`,
    unchanged > 0 && `${count(unchanged, 'record is', 'records are')} so already.`,
    conflicts > 0 &&
      `${count(conflicts, 'thing was', 'things were')} changed since, and ${conflicts === 1 ? 'stays' : 'stay'} as now.`,
  ]
  return parts.filter(Boolean).join(' ')
}

const words = { created: 'Created again', updated: '', removed: 'Removed' } as const

function Preview({ result }: { result: UndoResult }) {
  const { restored_records: records, conflicting } = result
  return (
    <>
      {conflicting.length > 0 && (
        <>
          <h2>Stays as it is</h2>
          <Table
            label="Stays as it is"
            rows={conflicting}
            columns={[
              { label: 'Record', cell: (one) => <RecordName {...one} /> },
              {
                label: 'Field',
                cell: (one) => (one.field === null ? 'All of it' : labelOf(one.field)),
              },
              { label: 'Why', cell: (one) => one.detail },
            ]}
          />
          <More shown={conflicting.length} of={result.conflicts} />
        </>
      )}
      {records.length > 0 && (
        <>
          <h2>Is put back</h2>
          <Table
            label="Is put back"
            rows={records}
            columns={[
              { label: 'Record', cell: (record) => <RecordName {...record} /> },
              {
                label: 'Now and then',
                cell: (record) =>
                  record.kind === 'availability' || record.action === 'updated' ? (
                    <Differences record={record} />
                  ) : (
                    words[record.action]
                  ),
              },
            ]}
          />
          <More shown={records.length} of={result.restored} />
        </>
      )}
    </>
  )
}

function More({ shown, of }: { shown: number; of: number }) {
  return of > shown ? <p class="soft">{`and ${(of - shown).toLocaleString('en')} more`}</p> : null
}

async function undo(c: C) {
  const { change_id } = await undoBy(c, false)
  const path = changePath({ id: change_id ?? c.req.param('id') ?? '' })
  return c.redirect(change_id === null ? path : `${path}?undone`, 303)
}
