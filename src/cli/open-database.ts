/** In charge of the database a command works on: the one that is set, or the embedded one. */
import type { Config } from '../config.ts'
import { startEmbedded } from '../db/embedded-postgres/embedded-postgres.ts'
import { migrate } from '../db/migrate.ts'

export type OpenDatabase = { url: string; close: () => Promise<void> }

/** Migrated and ready. Closing it stops the embedded Postgres, if no other process uses it. */
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
