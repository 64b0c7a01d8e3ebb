import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { connect, type Database, type Queryable } from './connection.ts'
import { connectionSettings } from './pool.ts'

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Brings the schema up to date. Any number of processes may call it at once: one migrates, the others wait. */
export async function migrate(databaseUrl: string): Promise<void> {
  const connection = connect(databaseUrl, { max: 1 })
  try {
    while (!(await migrateUnderLock(connection.db, databaseUrl))) await delay(lockPollMs)
  } finally {
    await connection.close()
  }
}

const lockPollMs = 100

/**
 * False while another process holds the lock. Waiting processes hold no connection: they could use up a pooler's pool,
 * and the one that migrates needs a second connection.
 */
function migrateUnderLock(db: Database, databaseUrl: string): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [lock] = await tx.execute<{ acquired: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtext('storefeed.migrate')) as acquired`,
    )
    if (lock?.acquired) await migrateNow(databaseUrl)
    return lock?.acquired === true
  })
}

async function migrateNow(databaseUrl: string): Promise<void> {
  const client = new pg.Client(connectionSettings(databaseUrl, 'storefeed migrate'))
  await client.connect()
  try {
    await runMigrations(drizzle({ client }), { migrationsFolder })
  } finally {
    await client.end()
  }
}

/** How many migrations of this version the database lacks. */
export async function countMissingMigrations(db: Queryable): Promise<number> {
  const [table] = await db.execute<{ exists: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`,
  )
  const [last] = table?.exists
    ? await db.execute<{ at: number | null }>(
        sql`select max(created_at)::float8 as at from drizzle.__drizzle_migrations`,
      )
    : []
  const known = readMigrationFiles({ migrationsFolder })
  return known.filter(({ folderMillis }) => folderMillis > (last?.at ?? 0)).length
}
