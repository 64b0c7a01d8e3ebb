/** The options of a form as the REST API takes them. */
import type { ImportFormats, ImportSummary } from '../import-export/import-schemas.ts'

/** Of which files can be chosen. */
export const fileTypes = '.csv,.txt,.tsv,.ndjson,.jsonl'

export const kindLabels: Record<string, string> = {
  products: 'Products',
  stores: 'Stores',
  availability: 'Availability',
  customers: 'Customers',
  orders: 'Orders',
  'order-updates': 'Order updates',
  visits: 'Visits',
}

/** Parameters that a form gives as they are; and those of which each line is one. */
const plain = ['kind', 'from', 'variants', 'delimiter', 'decimal', 'encoding', 'dates', 'timezone']
const ticked = ['of', 'skip_unknown', 'yes']
const listed = ['set', 'only']

/** What a choice stands for. */
const chosen: Record<string, string[]> = {
  'rows=merge': ['merge'],
  'lacking=unpublish': ['replace'],
  'lacking=remove': ['replace', 'remove'],
}

/** Whether rows of what this form brings can change only what they name. A preset says the kind. */
function canMerge({ kinds, presets }: ImportFormats, form: FormData): boolean {
  const preset = presets.find(({ name }) => name === form.get('from'))
  const kind = preset?.kind ?? form.get('kind')
  return kinds.some(({ name, merges }) => name === kind && merges)
}

/** Without what is left blank. */
export function queryOf(formats: ImportFormats, form: FormData): URLSearchParams {
  const text = (name: string) => String(form.get(name) ?? '').trim()
  const query = new URLSearchParams()
  for (const map of maps(form)) query.append('map', map)
  const isGiven = (name: string) => text(name) !== '' && !(name === 'kind' && text('from') !== '')
  for (const name of [...plain, ...ticked].filter(isGiven)) query.set(name, text(name))
  const rows = canMerge(formats, form) ? text('rows') : 'whole'
  for (const choice of [`rows=${rows}`, `lacking=${text('lacking')}`])
    for (const name of chosen[choice] ?? []) query.set(name, 'true')
  for (const name of listed)
    for (const line of text(name).split(/\r?\n/).filter(Boolean)) query.append(name, line.trim())
  return query
}

/** A column of which a field was chosen is `map.NAME`, with the field that it has anyway in `was.NAME`. */
function maps(form: FormData): string[] {
  return [...form].flatMap(([name, field]) => {
    const column = name.startsWith('map.') ? name.slice(4) : ''
    const isSame = field === '' || field === form.get(`was.${column}`)
    return column === '' || isSame ? [] : [`${column}=${String(field)}`]
  })
}

/** What was chosen before, as the fields of the form. */
export function choicesOf(options: ImportSummary['options']): Record<string, string> {
  const texts = Object.entries(options).map(([name, value]) => [name, [value].flat().join('\n')])
  const { merge, replace, remove, ...rest } = Object.fromEntries(texts)
  return {
    ...rest,
    rows: merge === 'true' ? 'merge' : 'whole',
    lacking: replace !== 'true' ? 'keep' : remove === 'true' ? 'remove' : 'unpublish',
  }
}

/** Each column of the file, and the field that was chosen for it. */
export const mapsOf = (maps: string | string[] = []) =>
  [maps].flat().map((map): [string, string] => {
    const at = map.lastIndexOf('=')
    return [map.slice(0, at), map.slice(at + 1)]
  })
