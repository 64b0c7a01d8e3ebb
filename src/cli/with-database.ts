/** In charge of short commands: opens the database for one piece of work and closes it whatever happens. */
import type { Config } from '../config.ts'
import { connect, type Database } from '../db/connection.ts'
import { openDatabase } from './open-database.ts'

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
