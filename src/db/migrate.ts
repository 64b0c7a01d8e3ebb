/** In charge of bringing a database to the shape this version needs. */
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

/** Any number of processes may call it at once: the first one migrates, the others wait and find nothing to do. */
export async function migrate(databaseUrl: string): Promise<void> {
  const gate = connect(databaseUrl, { max: 1 })
  try {
    while (!(await migrateInTurn(gate.db, databaseUrl))) await delay(lookAgainMs)
  } finally {
    await gate.close()
  }
}

const lookAgainMs = 100

/**
 * False while it is another process's turn. Whoever waits holds no connection meanwhile: the pool of a pooler could be
 * used up by those that wait, and the one whose turn it is needs a second.
 */
function migrateInTurn(gate: Database, databaseUrl: string): Promise<boolean> {
  return gate.transaction(async (tx) => {
    const [turn] = await tx.execute<{ ours: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtext('storefeed.migrate')) as ours`,
    )
    if (turn?.ours) await migrateNow(databaseUrl)
    return turn?.ours === true
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
