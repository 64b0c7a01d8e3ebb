/** In charge of `storefeed serve`: the plain server, from start to an orderly stop. */
import type { Command } from 'commander'
import { ensureAdminKey } from '../auth/api-keys.ts'
import type { Config } from '../config.ts'
import { connect } from '../db/connection.ts'
import { createLogger } from '../server/logger.ts'
import { type RunningServer, startServer } from '../server/server.ts'
import { openDatabase } from './open-database.ts'
import { print, waitForShutdownSignal } from './terminal.ts'

export function serveCommand(program: Command, readConfig: () => Config): void {
  program
    .command('serve')
    .description('Serve the feeds and the REST API (what storefeed does when no command is given)')
    .action(async () => serve(readConfig()))
}

async function serve(config: Config): Promise<void> {
  const log = createLogger(config.logLevel)
  const database = await openDatabase(config)
  try {
    await announceAdminKey(config, database.url)
    const server = await startServer(config, database.url, log)
    log.info(
      { url: server.url, database: config.databaseUrl === null ? 'embedded' : 'DATABASE_URL' },
      'storefeed serves',
    )
    await stopWhenTold(server, config.stopGraceMs)
    log.info('storefeed stopped')
  } finally {
    await database.close()
  }
}

async function announceAdminKey(config: Config, databaseUrl: string): Promise<void> {
  const { db, close } = connect(databaseUrl, { max: 1 })
  try {
    const made = await ensureAdminKey(db, config.apiKey)
    if (made !== null) print(`The first admin key, shown this once: ${made}`)
  } finally {
    await close()
  }
}

/** SIGTERM comes from who runs servers behind a balancer, SIGINT from a person at a terminal, who need not wait. */
async function stopWhenTold(server: RunningServer, graceMs: number): Promise<void> {
  const signal = await waitForShutdownSignal()
  await server.stop(signal === 'SIGTERM' ? graceMs : 0)
}
