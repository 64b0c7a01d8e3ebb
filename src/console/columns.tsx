/** Which columns a list shows: chosen in a menu, kept in the address. */
import { type Filters, withQuery } from './filters.tsx'
import type { Column, Field, FieldKind, Kind } from './kinds.ts'

const widths: Partial<Record<FieldKind, string>> = {
  text: 'middle',
  list: 'middle',
  number: 'narrow',
  money: 'narrow',
  flag: 'tick',
}

/** What fits into one line; the usual columns first. */
function offeredColumns({ columns, groups }: Kind): Column[] {
  const usual = new Set(columns.map(({ name }) => name))
  const others = groups
    .flatMap(({ fields }) => fields)
    .flatMap((field: Field) => {
      const width = widths[field.kind]
      return width === undefined || usual.has(field.name) ? [] : [{ ...field, width }]
    })
  return [...columns, ...others]
}

/** Names that are known, in the order of the list, joined by commas; nothing where it is the usual choice. */
export function readColumns(kind: Kind, given: readonly string[] = []): Filters {
  const names = new Set(given.flatMap((one) => one.split(',')))
  const chosen = offeredColumns(kind).filter(({ name }) => names.has(name))
  const columns = namesOf(chosen)
  return columns === '' || columns === namesOf(kind.columns) ? {} : { columns }
}

const namesOf = (columns: Column[]) => columns.map(({ name }) => name).join(',')

/** The kind as the list shows it: always with the title, by which a row is known. */
export function withColumns(kind: Kind, { columns }: Filters): Kind {
  if (columns === undefined) return kind
  const names = ['title', ...columns.split(',')]
  return { ...kind, columns: offeredColumns(kind).filter(({ name }) => names.includes(name)) }
}

type MenuProps = { kind: Kind; path: string; given: Filters }

export function ColumnsMenu({ kind, path, given }: MenuProps) {
  const { columns: _, ...filters } = given
  const shown = new Set(withColumns(kind, given).columns.map(({ name }) => name))
  return (
    <details class="menu columns-menu">
      <summary>Columns</summary>
      <div>
        <form action={path}>
          {Object.entries(filters).map(([name, value]) => (
            <input type="hidden" name={name} value={value} />
          ))}
          <input type="hidden" name="columns" value="title" />
          {offeredColumns(kind)
            .filter(({ name }) => name !== 'title')
            .map(({ name, label }) => (
              <label>
                <input
                  type="checkbox"
                  name="columns"
                  value={name}
                  checked={shown.has(name)}
                  autocomplete="off"
                />
                {label}
              </label>
            ))}
          <button class="primary" type="submit">
            Show these columns
          </button>
        </form>
        {given.columns && <a href={withQuery(path, filters)}>Show the usual columns</a>}
      </div>
    </details>
  )
}
