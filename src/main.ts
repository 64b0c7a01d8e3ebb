#!/usr/bin/env node
import { Command } from 'commander'
import { backfillCommand } from './cli/backfill.ts'
import { demoCommand } from './cli/demo/demo.ts'
import { doctorCommand } from './cli/doctor.ts'
import { eventCommand } from './cli/event.ts'
import { exportCommand } from './cli/export.ts'
import { importCommand } from './cli/import.ts'
import { keysCommand } from './cli/keys.ts'
import { migrateCommand } from './cli/migrate.ts'
import { pushCommand } from './cli/push.ts'
import { rebuildCommand } from './cli/rebuild.ts'
import { exitOnUncaught, explainError } from './cli/report-errors.ts'
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
  .showHelpAfterError('(run storefeed --help for a list of commands)')
  .addHelpText('after', '\nSettings are environment variables; docs/configuration.md lists them.')

for (const addTo of commands) addTo(program, () => readConfig(process.env, printError))

exitOnUncaught()

try {
  // Not commander's default command: that would take an unknown command for its own argument.
  const args = process.argv.slice(2)
  await program.parseAsync(args.length > 0 ? args : ['serve'], { from: 'user' })
} catch (error) {
  printError(explainError(error))
  process.exitCode = 1
}
