/** The options of `storefeed import`, and which kind a file is by its name. */
import { basename } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ImportKind, importKinds } from '../import-export/import-kinds.ts'
import {
  addCondition,
  datesOption,
  delimiterOption,
  encodingOption,
  type ImportOptions,
  mapOption,
  type OptionReader,
  onlyOption,
  setOption,
  timezoneOption,
  wrongOption,
} from '../import-export/import-options.ts'
import type { Condition, Preset } from '../import-export/presets/preset.ts'
import { presets } from '../import-export/presets/presets.ts'
import { AppError } from '../lib/errors.ts'

export type CommandOptions = ImportOptions & {
  kind?: ImportKind['name']
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
    .option('--map <column=field>', 'rename a column; repeatable', toMap(mapOption), new Map())
    .option(
      '--set <field=text>',
      'fill a field; {column} is its value',
      toMap(setOption),
      new Map(),
    )
    .option('--skip-unknown', 'skip unknown columns', false)
    .option('--skip-blank <column>', 'skip rows in which this column is empty', readColumn, [])
    .option('--only <column=value>', 'take only these rows; repeatable', readCondition, [])
  choice('--variants <choice>', 'rows of one product: one product, or one of each row', [
    'first',
    'rows',
  ])
  command
    .option(
      '--delimiter <character>',
      'between cells; default: as in the header',
      reading(delimiterOption),
    )
    .option('--encoding <name>', 'such as windows-1252; default: found', reading(encodingOption))
  choice('--decimal <sign>', 'of numbers', ['.', ','])
  return command
    .option('--dates <pattern>', 'such as dd.mm.yyyy; default: yyyy-mm-dd', reading(datesOption))
    .option(
      '--timezone <name>',
      'of times without an offset, such as Europe/Berlin',
      reading(timezoneOption),
    )
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

const reading =
  <T>({ read, wanted }: OptionReader<T>) =>
  (text: string): T => {
    const value = read(text)
    if (value === undefined) throw new InvalidArgumentError(`It ${wanted}.`)
    return value
  }

const toMap = (reader: OptionReader<[string, string]>) => {
  const read = reading(reader)
  return (text: string, previous: ReadonlyMap<string, string>) => new Map([...previous, read(text)])
}

const readColumn = (text: string, previous: string[]) => [...previous, text]

const readCondition = (text: string, previous: Condition[]) =>
  addCondition(previous, reading(onlyOption)(text))

function readPreset(name: string): Preset {
  const preset = presets.find((one) => one.name === name)
  if (preset) return preset
  throw new InvalidArgumentError(`Known: ${presets.map((one) => one.name).join(', ')}.`)
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
export function kindOf(path: string, options: CommandOptions): ImportKind {
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
