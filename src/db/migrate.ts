/** In charge of bringing a database to the shape this version needs. */
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { migrate as runMigrations } from 'drizzle-orm/postgres-js/migrator'
import { connect, type Queryable } from './connect.ts'

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Any number of processes may call it at once: the first one migrates, the others wait and find nothing to do. */
export async function migrate(databaseUrl: string): Promise<void> {
  const gate = connect(databaseUrl, { max: 1 })
  const worker = connect(databaseUrl, { max: 1 })
  try {
    await gate.db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(hashtext('storefeed.migrate'))`)
      await runMigrations(worker.db, { migrationsFolder })
    })
  } finally {
    await Promise.all([gate.close(), worker.close()])
  }
}

/** How many migrations of this version the database has not had. */
export async function countMissingMigrations(db: Queryable): Promise<number> {
  const [table] = await db.execute<{ there: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as there`,
  )
  const [last] = table?.there
    ? await db.execute<{ at: number | null }>(
        sql`select max(created_at)::float8 as at from drizzle.__drizzle_migrations`,
      )
    : []
  const known = readMigrationFiles({ migrationsFolder })
  return known.filter(({ folderMillis }) => folderMillis > (last?.at ?? 0)).length
}
