/** What a change did, in a table cell. */
import type { Change, ChangedRecord } from '../history/change-schemas.ts'
import { fieldChanges, type Place, sentenceOf, wayOf, whoOf } from './changes.ts'
import { Table, Tag, Time } from './parts.tsx'

const maxFields = 12

export function RecordName({ product_id, store_id, product_title, store_title }: Place) {
  return (
    <>
      {product_id !== null && (
        <a href={`/console/products/${encodeURIComponent(product_id)}`}>
          {product_title ?? product_id}
        </a>
      )}
      {product_id !== null && store_id !== null && ' in '}
      {store_id !== null && (
        <a href={`/console/stores/${encodeURIComponent(store_id)}`}>{store_title ?? store_id}</a>
      )}
    </>
  )
}

type DifferencesProps = { record: ChangedRecord; limit?: number }

/** Each field before and after; the values of what was created or removed; of availability that it began or ended. */
export function Differences({ record, limit = maxFields }: DifferencesProps) {
  const { kind, action } = record
  if (kind === 'availability')
    return <>{action === 'created' ? 'Sold there' : 'No longer sold there'}</>
  const changes = fieldChanges(record)
  const more = changes.length - limit
  return (
    <>
      {action === 'created' && 'Created'}
      {action === 'removed' && 'Removed'}
      {(action === 'updated' || limit === maxFields) && (
        <ul class="differences">
          {changes.slice(0, limit).map(({ label, before, after }) => (
            <li>
              <span class="soft">{label}</span>{' '}
              {action === 'updated' ? (
                <>
                  {before} <span aria-hidden="true">→</span>
                  <span class="hidden"> became </span> <strong>{after}</strong>
                </>
              ) : action === 'created' ? (
                after
              ) : (
                before
              )}
            </li>
          ))}
          {more > 0 && <li class="soft">{`and ${more} more`}</li>}
        </ul>
      )}
    </>
  )
}

function ChangeState({ change }: { change: Change }) {
  if (change.undone_by !== null) return <Tag tone="soft">Undone</Tag>
  return change.undoes === null ? null : <Tag tone="soft">An undo</Tag>
}

export const changePath = ({ id }: Pick<Change, 'id'>) => `/console/changes/${id}`

type ChangesTableProps = {
  changes: Change[]
  label: string
  mayWrite: boolean
  isOfRecord?: boolean
}

export function ChangesTable({ changes, label, mayWrite, isOfRecord = false }: ChangesTableProps) {
  return (
    <Table
      label={label}
      rows={changes}
      columns={[
        { label: 'When', cell: (change) => <Time at={change.at} /> },
        {
          label: 'Who',
          cell: (change) => (
            <>
              {whoOf(change)}
              <div class="soft">{wayOf(change)}</div>
            </>
          ),
        },
        {
          label: 'What',
          cell: (change) => (
            <>
              <a href={changePath(change)}>{sentenceOf(change)}</a> <ChangeState change={change} />
              {change.records.map((record) => (
                <div class="changed">
                  {!isOfRecord && <RecordName {...record} />}
                  {isOfRecord && record.kind === 'availability' && <RecordName {...record} />}{' '}
                  <Differences record={record} limit={3} />
                </div>
              ))}
            </>
          ),
        },
        {
          label: 'Undo',
          end: true,
          cell: (change) =>
            mayWrite && change.complete && change.undone_by === null ? (
              <a
                class="button"
                href={`${changePath(change)}/undo`}
                aria-label={`Undo: ${sentenceOf(change)}`}
              >
                Undo
              </a>
            ) : null,
        },
      ]}
    />
  )
}
