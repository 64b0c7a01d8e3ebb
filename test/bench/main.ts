/** `npm run bench`: which bench runs, at which sizes. */
import { Command, InvalidArgumentError } from 'commander'
import { benchFeeds } from './feeds.ts'
import { benchHostile } from './hostile.ts'
import { benchImports } from './imports.ts'
import { benchPush } from './push.ts'

const defaultSizes = [10_000, 100_000, 1_000_000]
const defaultImports = [100_000]

const program = new Command('bench').description('Measures storefeed beside its peers, in one run')

program
  .command('feeds', { isDefault: true })
  .description('polls, builds, edits, memory and writers')
  .option('--size <products...>', 'numbers of products', readSizes, defaultSizes)
  .action(({ size }: { size: number[] }) => benchFeeds(size))

program
  .command('push')
  .description('delay, backlog with and without limits, chaos')
  .action(benchPush)

program
  .command('import')
  .description('an import beside \\copy')
  .option('--size <products...>', 'numbers of products', readSizes, defaultImports)
  .action(({ size }: { size: number[] }) => benchImports(size))

program
  .command('hostile')
  .description('bodies made to cost much: longest stall, answer, time, memory')
  .action(benchHostile)

/** `10k` and `1M` are understood. */
function readSizes(value: string, before: number[]): number[] {
  const [, digits = '', unit = ''] = /^(\d+)([kM]?)$/.exec(value) ?? []
  if (digits === '')
    throw new InvalidArgumentError('Give a number of products, such as 10k, 100k or 1M.')
  const size = Number(digits) * ({ k: 1000, M: 1_000_000 }[unit] ?? 1)
  return before === defaultSizes || before === defaultImports ? [size] : [...before, size]
}

await program.parseAsync()
