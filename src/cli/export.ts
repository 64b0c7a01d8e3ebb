/** `storefeed export`: the catalog as a file that import reads back. */
import { createWriteStream } from 'node:fs'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Argument, type Command, Option } from 'commander'
import type { Config } from '../config.ts'
import {
  type CatalogExport,
  type ExportKind,
  exportKinds,
  exportRecords,
} from '../import-export/catalog-exports.ts'
import {
  createRecordWriter,
  type Format,
  formats,
  type RecordWriter,
} from '../import-export/record-writer.ts'
import { AppError } from '../lib/errors.ts'
import { codeOf } from '../lib/system-error.ts'
import { withDatabase } from './open-database.ts'
import { startProgress } from './progress.ts'

type Options = { format: Format; out?: string }

export function exportCommand(program: Command, readConfig: () => Config): void {
  program
    .command('export')
    .description('Export products, stores or availability to a file that import reads back')
    .addArgument(
      new Argument('<kind>', 'what to export').choices(exportKinds.map(({ name }) => name)),
    )
    .addOption(new Option('--format <format>', 'of the file').choices(formats).default('csv'))
    .option('--out <file>', 'the file to write; default: standard output')
    .addHelpText('after', '\nExample:\n  storefeed export products | gzip > products.csv.gz')
    .action(async (name: string, options: Options) => {
      const kind = exportKinds.find((one) => one.name === name)
      if (kind) await exportTo(readConfig(), kind, options)
    })
}

async function exportTo(config: Config, kind: ExportKind, { format, out }: Options): Promise<void> {
  const progress = startProgress(`Exporting ${kind.name}`)
  let done = 0
  try {
    await withDatabase(config, (db) =>
      exportRecords(db, kind, async (exported) => {
        const writer = createRecordWriter(format, { ...kind, ...exported })
        const target: Writable = out === undefined ? process.stdout : createWriteStream(out)
        const texts = formatPages(writer, exported, (count) => {
          done += count
          progress.update(done, null)
        })
        await pipeline(Readable.from(texts), target, { end: out !== undefined })
      }),
    )
  } catch (error) {
    throw explainWriteError(error, out)
  } finally {
    progress.end()
  }
}

async function* formatPages(
  { header, write }: RecordWriter,
  { records }: CatalogExport,
  count: (records: number) => void,
): AsyncGenerator<string> {
  if (header !== '') yield header
  for await (const page of records) {
    yield write(page)
    count(page.length)
  }
}

function explainWriteError(error: unknown, out: string | undefined): unknown {
  const code = codeOf(error)
  if (code === 'EPIPE')
    return new AppError('invalid', 'Standard output was closed before the export ended.')
  const onDisk = out !== undefined && /^(ENOENT|EACCES|EISDIR|ENOSPC|EROFS|ENOTDIR)$/.test(code)
  return onDisk ? new AppError('invalid', `${out} cannot be written (${code}).`) : error
}
