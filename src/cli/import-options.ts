/** The options of `storefeed import`, and which kind a file is by its name. */
import { basename } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ImportKind, importKinds } from '../import-export/import-kinds.ts'
import type { Condition, Preset } from '../import-export/presets/preset.ts'
import { presets } from '../import-export/presets/presets.ts'
import type { ReadOptions } from '../import-export/read-records.ts'
import { isDatePattern, zoneFormat } from '../import-export/times.ts'
import { AppError } from '../lib/errors.ts'

export type ImportOptions = {
  kind?: ImportKind['name']
  from?: Preset
  map: ReadonlyMap<string, string>
  set: ReadonlyMap<string, string>
  skipUnknown: boolean
  skipBlank: string[]
  only: Condition[]
  variants?: 'first' | 'rows'
  delimiter?: string
  encoding?: string
  decimal?: '.' | ','
  dates?: string
  timezone?: string
  merge: boolean
  replace: boolean
  of?: 'products' | 'stores'
  remove: boolean
  yes: boolean
  dryRun: boolean
  json: boolean
}

const kindNames = importKinds.map(({ name }) => name)

const examples = `
Exports of other systems (--from):
${presets.map(({ name, about }) => `  ${name.padEnd(22)}${about}`).join('\n')}

Examples:
  storefeed import products_export.csv --from shopify-products --variants first \\
    --set 'link=https://shop.example/products/{Handle}'
  storefeed import prices.csv --kind products --merge --delimiter ';' --decimal ,
  storefeed import list.csv --kind products --skip-unknown --map Code=id --map 'Item name=title'
  storefeed import products.csv --replace --dry-run`

export function addImportOptions(command: Command): Command {
  const choice = (flags: string, text: string, values: readonly string[]) =>
    command.addOption(new Option(flags, text).choices(values))
  choice('--kind <kind>', 'what the files contain; default: by their names', kindNames)
  command
    .option('--from <system>', 'the export of another system; the list is below', readPreset)
    .option('--map <column=field>', 'rename a column; repeatable', readMap, new Map())
    .option('--set <field=text>', 'fill a field; {column} is its value', readSet, new Map())
    .option('--skip-unknown', 'skip unknown columns', false)
    .option('--skip-blank <column>', 'skip rows in which this column is empty', readColumn, [])
    .option('--only <column=value>', 'take only these rows; repeatable', readCondition, [])
  choice('--variants <choice>', 'rows of one product: one product, or one of each row', [
    'first',
    'rows',
  ])
  command
    .option('--delimiter <character>', 'between cells; default: as in the header', readDelimiter)
    .option('--encoding <name>', 'such as windows-1252; default: found', readEncoding)
  choice('--decimal <sign>', 'of numbers', ['.', ','])
  return command
    .option('--dates <pattern>', 'such as dd.mm.yyyy; default: yyyy-mm-dd', readDates)
    .option('--timezone <name>', 'of times without an offset, such as Europe/Berlin', readZone)
    .option('--merge', 'change only the fields that the file names', false)
    .option('--replace', 'unpublish what the file lacks; links: remove it', false)
    .addOption(
      new Option('--of <side>', 'of --replace for availability: whose links').choices([
        'products',
        'stores',
      ]),
    )
    .option('--remove', 'with --replace: remove instead of unpublish', false)
    .option('--yes', 'with --replace: even if more than half goes', false)
    .option('--dry-run', 'report what would happen and write nothing', false)
    .option('--json', 'print JSON', false)
    .addHelpText('after', examples)
}

/** Splits at the last `=`: a column name may contain one, a field name does not. */
function readMap(text: string, previous: ReadonlyMap<string, string>) {
  const at = text.lastIndexOf('=')
  if (at <= 0 || at === text.length - 1)
    throw new InvalidArgumentError("It must be column=field, such as 'Variant Price=price'.")
  return new Map([...previous, [text.slice(0, at).trim(), text.slice(at + 1).trim()]])
}

function readSet(text: string, previous: ReadonlyMap<string, string>) {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError("It must be field=text, such as 'currency=EUR'.")
  return new Map([...previous, [text.slice(0, at).trim(), text.slice(at + 1)]])
}

const readColumn = (text: string, previous: string[]) => [...previous, text]

/** The same column again: any of its values. */
function readCondition(text: string, previous: Condition[]): Condition[] {
  const at = text.lastIndexOf('=')
  if (at <= 0) throw new InvalidArgumentError("It must be column=value, such as 'Status=active'.")
  const [column, value] = [
    text.slice(0, at).trim(),
    text
      .slice(at + 1)
      .trim()
      .toLowerCase(),
  ]
  const same = previous.find((condition) => condition.column === column)
  const others = previous.filter((condition) => condition !== same)
  return [...others, { column, values: [...(same?.values ?? []), value] }]
}

function readPreset(name: string): Preset {
  const preset = presets.find((one) => one.name === name)
  if (preset) return preset
  throw new InvalidArgumentError(`Known: ${presets.map((one) => one.name).join(', ')}.`)
}

function readDelimiter(text: string): string {
  const character = text === '\\t' || text === 'tab' ? '\t' : text
  if (character.length === 1 && !/["\r\n]/.test(character)) return character
  throw new InvalidArgumentError("It must be one character, such as ';', or tab.")
}

function readEncoding(text: string): string {
  try {
    return new TextDecoder(text).encoding
  } catch {
    throw new InvalidArgumentError('Known: utf-8, utf-16le, windows-1252, iso-8859-15 and others.')
  }
}

function readDates(text: string): string {
  if (isDatePattern(text)) return text
  throw new InvalidArgumentError('It must hold year, month and day once, such as dd.mm.yyyy.')
}

function readZone(text: string): string {
  try {
    return zoneFormat(text).resolvedOptions().timeZone
  } catch {
    throw new InvalidArgumentError('It must be a name of the IANA list, such as Europe/Berlin.')
  }
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

/** The first match wins: order-updates are not orders. */
const namePatterns: [RegExp, ImportKind['name']][] = [
  [/order.?updates/i, 'order-updates'],
  [/availability|product.?stores/i, 'availability'],
  [/products/i, 'products'],
  [/stores/i, 'stores'],
  [/customers/i, 'customers'],
  [/orders/i, 'orders'],
  [/visits/i, 'visits'],
]

/** Throws an {@link AppError} when it is not known, or when an option is not for this kind. */
export function kindOf(path: string, options: ImportOptions): ImportKind {
  const given = options.kind ?? options.from?.kind
  const name = given ?? namePatterns.find(([pattern]) => pattern.test(basename(path)))?.[1]
  const kind = importKinds.find((one) => one.name === name)
  const file = path === '-' ? 'standard input' : path
  if (!kind)
    throw new AppError(
      'invalid',
      `The name of ${file} does not say what it contains: add --kind, one of ${kindNames.join(', ')}.`,
    )
  const wrong = wrongOption(kind.name, options)
  if (wrong !== undefined) throw new AppError('invalid', `${file}: ${wrong}`)
  return kind
}

function wrongOption(kind: ImportKind['name'], options: ImportOptions): string | undefined {
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
