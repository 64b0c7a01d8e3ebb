#!/usr/bin/env node
/** In charge of the command line: which commands there are, and how a failure is told. */
import { Command } from 'commander'
import { backfillCommand } from './cli/backfill.ts'
import { demoCommand } from './cli/demo/demo.ts'
import { doctorCommand } from './cli/doctor.ts'
import { eventCommand } from './cli/event.ts'
import { exitOnUncaught } from './cli/exit-on-uncaught.ts'
import { explainFailure } from './cli/explain-failure.ts'
import { exportCommand } from './cli/export.ts'
import { importCommand } from './cli/import.ts'
import { keysCommand } from './cli/keys.ts'
import { migrateCommand } from './cli/migrate.ts'
import { pushCommand } from './cli/push.ts'
import { rebuildCommand } from './cli/rebuild.ts'
import { sandboxCommand } from './cli/sandbox.ts'
import { serveCommand } from './cli/serve.ts'
import { printError } from './cli/terminal.ts'
import { readConfig } from './config.ts'
import { version } from './lib/version.ts'

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

exitOnUncaught()

try {
  // Not commander's default command: that takes an unknown command for an argument of its own.
  const given = process.argv.slice(2)
  await program.parseAsync(given.length > 0 ? given : ['serve'], { from: 'user' })
} catch (error) {
  printError(explainFailure(error))
  process.exitCode = 1
}
