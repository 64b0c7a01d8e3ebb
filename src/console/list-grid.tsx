/** The rows of a list, each cell a field that is saved by itself. */
import { textOf } from './field-values.ts'
import type { Field, Kind } from './kinds.ts'
import { Picture } from './picture.tsx'
import { type CatalogRecord, pathOf } from './records.ts'

export type GridProps = {
  kind: Kind
  records: CatalogRecord[]
  etags: Record<string, string>
  mayWrite: boolean
  /** Whether rows can be ticked, for a change of many. */
  isSelectable?: boolean
}

/** More columns than these need a table that scrolls. */
const maxNarrow = 7

export function Grid({ kind, records, etags, mayWrite, isSelectable = false }: GridProps) {
  return (
    <div class="scroll">
      <table
        class={kind.columns.length > maxNarrow ? 'grid broad' : 'grid'}
        data-kind={kind.plural}
      >
        <thead>
          <tr>
            <th scope="col" class="picture-head">
              {isSelectable ? (
                <input
                  type="checkbox"
                  data-select-page
                  aria-label="Select the page"
                  autocomplete="off"
                />
              ) : (
                <span class="hidden">Picture</span>
              )}
            </th>
            {kind.columns.map(({ label, kind: type, width }) => (
              <th scope="col" class={`${width} ${type}`}>
                {label}
              </th>
            ))}
            {kind.name === 'product' && (
              <th scope="col" class="narrow number">
                Stores
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {records.map((record) => (
            <tr data-id={record.id} data-etag={etags[record.id]}>
              <td class="picture-cell">
                <div>
                  {isSelectable && (
                    <input
                      type="checkbox"
                      data-select
                      value={record.id}
                      aria-label={`Select ${record.title}`}
                      autocomplete="off"
                    />
                  )}
                  <a href={pathOf(kind, record.id)} aria-label={`Open ${record.title}`}>
                    <Picture address={record.image_link} title={record.title} />
                  </a>
                </div>
              </td>
              {kind.columns.map((field) => (
                <Cell field={field} record={record} mayWrite={mayWrite} kind={kind} />
              ))}
              {kind.name === 'product' && (
                <td class="number soft" data-label="Stores">
                  {record.store_ids?.length ?? 0}
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

type CellProps = { field: Field; record: CatalogRecord; mayWrite: boolean; kind: Kind }

function Cell({ field, record, mayWrite, kind }: CellProps) {
  const value = record[field.name]
  const text = textOf(field.kind, value).replaceAll('\n', ', ')
  const common = {
    'data-field': field.name,
    'data-kind': field.kind,
    'aria-label': `${field.label} of ${record.title}`,
    autocomplete: 'off',
  }
  // A category with a comma cannot be told from two in one line.
  const isPlain = !Array.isArray(value) || !value.some((one) => String(one).includes(','))
  return (
    <td class={field.kind} data-label={field.label}>
      {field.kind === 'flag' ? (
        <input
          type="checkbox"
          {...common}
          data-value={String(value)}
          checked={value === true}
          disabled={!mayWrite}
        />
      ) : (
        <input
          {...common}
          data-value={text}
          value={text}
          data-suggest={field.suggests ? `${kind.plural}.${field.name}` : undefined}
          readonly={!mayWrite || !isPlain}
          inputmode={field.kind === 'money' || field.kind === 'number' ? 'decimal' : undefined}
        />
      )}
      {field.name === 'title' && (
        <a class="id" href={pathOf(kind, record.id)}>
          {record.id}
        </a>
      )}
    </td>
  )
}
