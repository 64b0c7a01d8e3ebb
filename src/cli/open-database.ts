import { setTimeout as delay } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { connect, type Database } from '../db/connection.ts'
import { startEmbedded } from '../db/embedded-postgres/embedded-postgres.ts'
import { compareMigrations, migrate, readSetupProblem } from '../db/migrate.ts'
import { isUnreachable } from '../db/postgres-error.ts'
import { AppError } from '../lib/errors.ts'
import { printError } from './terminal.ts'

export type OpenDatabase = { url: string; close: () => Promise<void> }

type OpenOptions = {
  /** Otherwise a database that lacks migrations is an error, and is not changed. */
  migrates?: boolean
  /** How long to wait for a database that does not answer. */
  waitMs?: number
  say?: (message: string) => void
}

const commandWaitMs = 15_000
const retryMs = 1_000

/** The database at DATABASE_URL or the embedded one. Closing it stops the embedded Postgres unless another process uses it. */
export async function openDatabase(
  { databaseUrl, dataDir }: Config,
  { migrates = false, waitMs = commandWaitMs, say = printError }: OpenOptions = {},
): Promise<OpenDatabase> {
  if (databaseUrl === null)
    say(`DATABASE_URL is not set: using an embedded Postgres in ${dataDir}.`)
  const { url, stop } =
    databaseUrl === null
      ? await startEmbedded(dataDir)
      : { url: databaseUrl, stop: async () => undefined }
  try {
    await untilReachable(() => (migrates ? migrate(url) : requireMigrated(url)), waitMs, say)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, close: stop }
}

async function untilReachable(
  open: () => Promise<void>,
  waitMs: number,
  say: (message: string) => void,
): Promise<void> {
  const deadline = performance.now() + waitMs
  for (let told = false; ; told = true) {
    try {
      return await open()
    } catch (error) {
      if (!isUnreachable(error) || performance.now() > deadline) throw error
      if (!told) say('The database does not answer. Waiting for it.')
      await delay(retryMs)
    }
  }
}

async function requireMigrated(url: string): Promise<void> {
  const { db, close } = connect(url, { max: 1 })
  try {
    const problem = await readSetupProblem(db)
    if (problem !== null) throw new AppError('unavailable', problem)
    const { missing } = await compareMigrations(db)
    if (missing > 0)
      throw new AppError(
        'conflict',
        `The database lacks ${missing} migrations of this version, or is not storefeed's. Nothing was changed. Check DATABASE_URL; storefeed migrate, or the start of a server, brings it up to date.`,
      )
  } finally {
    await close()
  }
}

/** For short commands: closes the database whatever happens. */
export async function withDatabase<T>(
  config: Config,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const database = await openDatabase(config)
  const connection = connect(database.url, { max: 2 })
  try {
    return await work(connection.db)
  } finally {
    await connection.close()
    await database.close()
  }
}
