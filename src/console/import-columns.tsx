/** Which column becomes which field, and the options, to check the same file again. */
import type { ImportFormats, ImportRecord } from '../import-export/import-schemas.ts'
import { labelOf } from './changes.ts'
import { FileOptions, KindOptions } from './import-form.tsx'
import { choicesOf, mapsOf } from './imports.ts'
import { Table } from './parts.tsx'

type AgainProps = { found: ImportRecord; formats: ImportFormats }

/** Other options or columns, for the same file. */
export function Again({ found, formats }: AgainProps) {
  const given = { ...choicesOf(found.options), kind: found.kind }
  return (
    <form class="block" method="post" action={`/console/import/${found.id}/check`}>
      <h2>Columns and options</h2>
      {found.columns && <Columns found={found} formats={formats} />}
      <KindOptions formats={formats} given={given} />
      <FileOptions given={given} />
      <input type="hidden" name="skip_unknown" value="true" />
      <button type="submit" class={found.status === 'refused' ? 'primary' : undefined}>
        Check again
      </button>
    </form>
  )
}

function Columns({ found, formats }: AgainProps) {
  const fields = formats.kinds.find(({ name }) => name === found.kind)?.fields ?? []
  const given = new Map(mapsOf(found.options.map))
  return (
    <Table
      label="Columns"
      rows={(found.columns ?? []).filter(({ name }) => name !== '')}
      columns={[
        { label: 'Column of the file', cell: ({ name }) => name },
        {
          label: 'Becomes',
          cell: ({ name, fields: filled }) => {
            // What was chosen is sent again; what the file or the preset says is not.
            const was = given.has(name) ? '' : (filled[0] ?? '')
            const chosen = given.get(name) ?? filled[0] ?? ''
            const own = `metadata.${keyOf(name)}`
            const known = [...new Set([...fields, ...filled, ...(chosen ? [chosen] : [])])]
            return (
              <>
                <input type="hidden" name={`was.${name}`} value={was} />
                <select name={`map.${name}`} aria-label={`What ${name} becomes`}>
                  {was === '' && <option value="">Left out</option>}
                  {known.map((field) => (
                    <option value={field} selected={field === chosen}>
                      {labelOf(field)}
                    </option>
                  ))}
                  {fields.includes('title') && !known.includes(own) && (
                    <option value={own}>{labelOf(own)}</option>
                  )}
                </select>
              </>
            )
          },
        },
      ]}
    />
  )
}

/** Of an own field: letters, digits and _. */
const keyOf = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[_0-9]+|(?<!_)_+$/g, '') || 'field'
