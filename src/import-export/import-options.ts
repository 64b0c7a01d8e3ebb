/** What can be said of how a file is imported, by the command and by REST alike. */
import type { ImportKind } from './import-kinds.ts'
import type { Condition, Preset } from './presets/preset.ts'
import type { ReadOptions } from './read-records.ts'
import { isDatePattern, zoneFormat } from './times.ts'

export type ImportOptions = {
  from?: Preset | undefined
  map: ReadonlyMap<string, string>
  set: ReadonlyMap<string, string>
  skipUnknown: boolean
  skipBlank: string[]
  only: Condition[]
  variants?: 'first' | 'rows' | undefined
  delimiter?: string | undefined
  encoding?: string | undefined
  decimal?: '.' | ',' | undefined
  dates?: string | undefined
  timezone?: string | undefined
  merge: boolean
  replace: boolean
  of?: 'products' | 'stores' | undefined
  remove: boolean
  yes: boolean
}

/** `read` returns undefined for a text that is none; `wanted` says what would be one. */
export type OptionReader<T> = { read: (text: string) => T | undefined; wanted: string }

type Pair = [name: string, value: string]

/** Split at the last `=`: a column name may contain one, a field name does not. */
export const mapOption: OptionReader<Pair> = {
  wanted: "must be column=field, such as 'Variant Price=price'",
  read(text) {
    const at = text.lastIndexOf('=')
    if (at <= 0 || at === text.length - 1) return undefined
    return [text.slice(0, at).trim(), text.slice(at + 1).trim()]
  },
}

export const setOption: OptionReader<Pair> = {
  wanted: "must be field=text, such as 'currency=EUR'",
  read(text) {
    const at = text.indexOf('=')
    return at <= 0 ? undefined : [text.slice(0, at).trim(), text.slice(at + 1)]
  },
}

export const onlyOption: OptionReader<Pair> = {
  wanted: "must be column=value, such as 'Status=active'",
  read(text) {
    const at = text.lastIndexOf('=')
    if (at <= 0) return undefined
    const value = text.slice(at + 1).trim()
    return [text.slice(0, at).trim(), value.toLowerCase()]
  },
}

export const delimiterOption: OptionReader<string> = {
  wanted: "must be one character, such as ';', or tab",
  read(text) {
    const character = text === '\\t' || text === 'tab' ? '\t' : text
    return character.length === 1 && !/["\r\n]/.test(character) ? character : undefined
  },
}

export const encodingOption: OptionReader<string> = {
  wanted: 'must be an encoding, such as utf-8, utf-16le, windows-1252 or iso-8859-15',
  read: (text) => unlessThrown(() => new TextDecoder(text).encoding),
}

export const datesOption: OptionReader<string> = {
  wanted: 'must hold year, month and day once, such as dd.mm.yyyy',
  read: (text) => (isDatePattern(text) ? text : undefined),
}

export const timezoneOption: OptionReader<string> = {
  wanted: 'must be a name of the IANA list, such as Europe/Berlin',
  read: (text) => unlessThrown(() => zoneFormat(text).resolvedOptions().timeZone),
}

function unlessThrown<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

/** The same column again: any of its values. */
export function addCondition(conditions: Condition[], [column, value]: Pair): Condition[] {
  const same = conditions.find((condition) => condition.column === column)
  const others = conditions.filter((condition) => condition !== same)
  return [...others, { column, values: [...(same?.values ?? []), value] }]
}

export function readOptionsOf(options: ImportOptions, currency: string): ReadOptions {
  const { decimal, dates, timezone, delimiter, skipUnknown, skipBlank, only, merge } = options
  const mapping = {
    preset: options.from,
    renames: options.map,
    templates: options.set,
    variants: options.variants,
    ...{ skipUnknown, skipBlank, only, merge },
    format: { decimal, dates, timezone, currency },
  }
  return { delimiter, mapping }
}

/** Why an option is not for this kind. */
export function wrongOption(kind: ImportKind['name'], options: ImportOptions): string | undefined {
  const isCatalog = kind === 'products' || kind === 'stores'
  const isAvailability = kind === 'availability'
  const { from, merge, replace, of, remove, variants } = options
  const rules: [boolean, string][] = [
    [from !== undefined && from.kind !== kind, `--from ${from?.name} is not for ${kind}.`],
    [variants !== undefined && kind !== 'products', `--variants is not for ${kind}.`],
    [merge && !isCatalog, `--merge is for products and stores, not for ${kind}.`],
    [
      replace && !isCatalog && !isAvailability,
      `--replace is for products, stores and availability, not for ${kind}.`,
    ],
    [
      replace && isAvailability && of === undefined,
      '--replace needs --of products or --of stores: whose links become what the file says.',
    ],
    [of !== undefined && !(replace && isAvailability), '--of is for availability with --replace.'],
    [remove && !replace, '--remove is for --replace.'],
  ]
  return rules.find(([isWrong]) => isWrong)?.[1]
}

/** The options of the command in a message, as the query parameters of REST. */
export const asParameters = (message: string): string =>
  message
    .replace(/--(map|set) '([^']*)'/g, '$1=$2')
    .replace(/--(variants|of|from|decimal) (first|rows|products|stores|[.,]|[\w-]+-\w+)/g, '$1=$2')
    .replace(
      /--(skip-unknown|merge|replace|remove|yes)\b/g,
      (_, name: string) => `${name.replace('-', '_')}=true`,
    )
    .replace(/--(\w+)/g, '$1')
