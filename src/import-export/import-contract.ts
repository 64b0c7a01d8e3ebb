/** The options and the answers of imports by REST. */
import { z } from 'zod'
import { AppError } from '../lib/errors.ts'
import { id } from '../lib/fields.ts'
import { type ImportKind, importKinds } from './import-kinds.ts'
import {
  addCondition,
  asParameters,
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
} from './import-options.ts'
import { kindNames } from './import-schemas.ts'
import { presets } from './presets/presets.ts'

const presetNames = presets.map(({ name }) => name)
const maxListed = 200

const option = ({ read, wanted }: OptionReader<unknown>) =>
  z
    .string()
    .max(2000)
    .refine((text) => read(text) !== undefined, wanted)
const list = (reader: OptionReader<unknown>, example: string) =>
  z.array(option(reader).meta({ example })).max(maxListed).optional()
const flag = (description: string) => z.stringbool().optional().meta({ description })

export const importQuery = z.strictObject({
  kind: z
    .enum(kindNames)
    .optional()
    .meta({ description: 'Of the records; `from` says it too', example: 'products' }),
  from: z.enum(presetNames).optional().meta({ description: 'The export of another system' }),
  map: list(mapOption, 'Item name=title').meta({ description: 'column=field' }),
  set: list(setOption, 'brand=Acme').meta({ description: 'field=text; {column} is its value' }),
  skip_unknown: flag('Columns that are not known are left out'),
  skip_blank: z
    .array(z.string().max(2000))
    .max(maxListed)
    .optional()
    .meta({ description: 'Rows in which these columns are empty are left out' }),
  only: list(onlyOption, 'Status=active').meta({ description: 'column=value: only these rows' }),
  variants: z.enum(['first', 'rows']).optional(),
  delimiter: option(delimiterOption).optional().meta({ example: ',' }),
  encoding: option(encodingOption).optional().meta({ example: 'utf-8' }),
  decimal: z.enum(['.', ',']).optional(),
  dates: option(datesOption).optional().meta({ example: 'yyyy-mm-dd' }),
  timezone: option(timezoneOption).optional().meta({ example: 'Europe/Berlin' }),
  merge: flag('A row changes only the fields that the file names, instead of the whole record'),
  replace: flag('What the file lacks is unpublished; links are removed'),
  of: z.enum(['products', 'stores']).optional().meta({ description: 'Whose links replace' }),
  remove: flag('With replace: remove instead of unpublish'),
  yes: flag('With replace: even if more than half goes'),
})
export type ImportQuery = z.output<typeof importQuery>

/** Throws an {@link AppError} that names the parameter. */
export function readImportQuery(query: ImportQuery): { kind: ImportKind; options: ImportOptions } {
  const from = presets.find(({ name }) => name === query.from)
  const kind = importKinds.find(({ name }) => name === (query.kind ?? from?.kind))
  if (!kind)
    throw new AppError('invalid', 'It is not said what the file contains.', [
      { field: 'kind', detail: `must be one of ${kindNames.join(', ')}` },
    ])
  const options: ImportOptions = {
    from,
    map: new Map(read(mapOption, query.map)),
    set: new Map(read(setOption, query.set)),
    skipUnknown: query.skip_unknown ?? false,
    skipBlank: query.skip_blank ?? [],
    only: read(onlyOption, query.only).reduce(addCondition, []),
    variants: query.variants,
    delimiter: read(delimiterOption, query.delimiter)[0],
    encoding: read(encodingOption, query.encoding)[0],
    decimal: query.decimal,
    dates: query.dates,
    timezone: query.timezone,
    merge: query.merge ?? false,
    replace: query.replace ?? false,
    of: query.of,
    remove: query.remove ?? false,
    yes: query.yes ?? false,
  }
  const wrong = wrongOption(kind.name, options)
  if (wrong !== undefined) throw new AppError('invalid', asParameters(wrong))
  return { kind, options }
}

const read = <T>(reader: OptionReader<T>, texts: string | string[] = []): T[] =>
  [texts].flat().flatMap((text) => {
    const value = reader.read(text)
    return value === undefined ? [] : [value]
  })

export const importId = z.strictObject({ id })
