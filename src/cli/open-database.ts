import type { Config } from '../config.ts'
import { connect, type Database } from '../db/connection.ts'
import { startEmbedded } from '../db/embedded-postgres/embedded-postgres.ts'
import { migrate } from '../db/migrate.ts'

export type OpenDatabase = { url: string; close: () => Promise<void> }

/** The database at DATABASE_URL or the embedded one, migrated. Closing it stops the embedded Postgres unless another process uses it. */
export async function openDatabase({ databaseUrl, dataDir }: Config): Promise<OpenDatabase> {
  const { url, stop } =
    databaseUrl === null
      ? await startEmbedded(dataDir)
      : { url: databaseUrl, stop: async () => undefined }
  try {
    await migrate(url)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, close: stop }
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
