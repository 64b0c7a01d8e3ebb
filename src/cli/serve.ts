import type { Command } from 'commander'
import { ensureAdminKey } from '../auth/api-keys.ts'
import type { Config } from '../config.ts'
import { connect } from '../db/connection.ts'
import { createLogger } from '../server/logger.ts'
import { startServer } from '../server/server.ts'
import { openDatabase } from './open-database.ts'
import { print, waitForShutdownSignal } from './terminal.ts'

export function serveCommand(program: Command, readConfig: () => Config): void {
  program
    .command('serve')
    .description('Serve the feeds and the REST API (the default command)')
    .action(async () => serve(readConfig()))
}

async function serve(config: Config): Promise<void> {
  const log = createLogger(config.logLevel)
  const database = await openDatabase(config, {
    migrates: true,
    waitMs: Number.POSITIVE_INFINITY,
    say: (message) => log.warn(message),
  })
  try {
    await announceAdminKey(config, database.url)
    const server = await startServer(config, database.url, log)
    log.info(
      { url: server.url, database: config.databaseUrl === null ? 'embedded' : 'DATABASE_URL' },
      'storefeed serves',
    )
    const signal = await waitForShutdownSignal()
    // SIGTERM may come from a deployment behind a load balancer; SIGINT comes from a terminal, which need not wait.
    await server.stop(signal === 'SIGTERM' ? config.stopGraceMs : 0)
    log.info('storefeed stopped')
  } finally {
    await database.close()
  }
}

async function announceAdminKey(config: Config, databaseUrl: string): Promise<void> {
  const { db, close } = connect(databaseUrl, { max: 1 })
  try {
    const created = await ensureAdminKey(db, config.apiKey)
    if (created !== null) print(`The first admin key, shown only once: ${created}`)
  } finally {
    await close()
  }
}
