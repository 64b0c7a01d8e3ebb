/** `npm run bench`: which bench runs, at which sizes. */
import { Command, InvalidArgumentError } from 'commander'
import { benchBulk } from './bulk.ts'
import { benchConsole } from './console.ts'
import { benchDense } from './dense.ts'
import { benchFeeds } from './feeds.ts'
import { benchHostile } from './hostile.ts'
import { benchImports } from './imports.ts'
import { benchPush } from './push.ts'

const defaultSizes = [10_000, 100_000, 1_000_000]
const defaultImports = [100_000]
const defaultLinks = [8_000_000]
const defaults = [defaultSizes, defaultImports, defaultLinks]

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
  .command('dense')
  .description('stores that sell most of what there is: edits, builds, memory, stalls')
  .option('--size <links...>', 'numbers of links, from 1M to 50M', readSizes, defaultLinks)
  .action(({ size }: { size: number[] }) => benchDense(size))

program
  .command('console')
  .description('the first rows of Products in a browser')
  .option('--size <products...>', 'numbers of products', readSizes, defaultImports)
  .action(({ size }: { size: number[] }) => benchConsole(size))

program
  .command('bulk')
  .description('changes of 10,000 products in one request, and their dry runs')
  .action(benchBulk)

program
  .command('hostile')
  .description('bodies made to cost much: longest stall, answer, time, memory')
  .action(benchHostile)

/** `10k` and `1M` are understood. */
function readSizes(value: string, before: number[]): number[] {
  const [, digits = '', unit = ''] = /^(\d+)([kM]?)$/.exec(value) ?? []
  if (digits === '') throw new InvalidArgumentError('Give a number, such as 10k, 100k or 1M.')
  const size = Number(digits) * ({ k: 1000, M: 1_000_000 }[unit] ?? 1)
  return defaults.includes(before) ? [size] : [...before, size]
}

// So that what was started ends too.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))
await program.parseAsync()
