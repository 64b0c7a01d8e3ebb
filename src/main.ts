#!/usr/bin/env node
/** In charge of the command line: which commands there are, and how a failure is told. */
import { Command } from 'commander'
import { backfillCommand } from './commands/backfill.ts'
import { demoCommand } from './commands/demo.ts'
import { doctorCommand } from './commands/doctor.ts'
import { eventCommand } from './commands/event.ts'
import { exportCommand } from './commands/export.ts'
import { explainFailure } from './commands/failure.ts'
import { importCommand } from './commands/import.ts'
import { keysCommand } from './commands/keys.ts'
import { migrateCommand } from './commands/migrate.ts'
import { pushCommand } from './commands/push.ts'
import { rebuildCommand } from './commands/rebuild.ts'
import { sandboxCommand } from './commands/sandbox.ts'
import { serveCommand } from './commands/serve.ts'
import { printError } from './commands/terminal.ts'
import { readConfig } from './config.ts'
import { endOnUncaught } from './uncaught.ts'
import { version } from './version.ts'

const commands = [
  serveCommand,
  demoCommand,
  sandboxCommand,
  importCommand,
  exportCommand,
  pushCommand,
  backfillCommand,
  eventCommand,
  doctorCommand,
  migrateCommand,
  rebuildCommand,
  keysCommand,
]

const program = new Command('storefeed')
  .description(
    'Serves product and store feeds to Klaviyo and pushes order events, from one Postgres database.',
  )
  .version(version)
  .showHelpAfterError('(storefeed --help tells what there is)')
  .addHelpText('after', '\nSettings come from the environment; the README lists them.')

for (const add of commands) add(program, () => readConfig(process.env))

endOnUncaught()

try {
  // Not commander's default command: that takes an unknown command for an argument of its own.
  const given = process.argv.slice(2)
  await program.parseAsync(given.length > 0 ? given : ['serve'], { from: 'user' })
} catch (error) {
  printError(explainFailure(error))
  process.exitCode = 1
}
