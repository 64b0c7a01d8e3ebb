import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { readMigrationFiles } from 'drizzle-orm/migrator'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'
import { connect, type Database, type Queryable } from './connection.ts'
import { addFixedRows } from './fixed-rows.ts'
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
    if (!lock?.acquired) return false
    await migrateNow(databaseUrl)
    await addFixedRows(tx)
    return true
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

let known: ReadonlySet<number> | undefined

/** The times of this release's migrations, which identify them. Read once: an upgrade may replace the files. */
export function knownMigrations(): ReadonlySet<number> {
  known ??= new Set(readMigrationFiles({ migrationsFolder }).map((one) => one.folderMillis))
  return known
}

/** How many migrations of this release the database lacks, and how many it has that this release does not know. */
export async function compareMigrations(
  db: Queryable,
): Promise<{ missing: number; unknown: number }> {
  const [table] = await db.execute<{ exists: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`,
  )
  const rows = table?.exists
    ? await db.execute<{ at: number }>(
        sql`select created_at::float8 as at from drizzle.__drizzle_migrations`,
      )
    : []
  const applied = new Set(rows.map(({ at }) => at))
  const known = knownMigrations()
  return {
    missing: [...known].filter((at) => !applied.has(at)).length,
    unknown: [...applied].filter((at) => !known.has(at)).length,
  }
}
