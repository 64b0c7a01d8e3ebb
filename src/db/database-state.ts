import { sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'
import { compareMigrations, readSetupProblem } from './migrate.ts'

/** Why a server cannot work with this database, in words; empty when it can. */
export async function readDatabaseProblems(db: Queryable): Promise<string[]> {
  const [state] = await db.execute<{ standby: boolean; read_only: boolean }>(sql`
    select pg_is_in_recovery() as standby, current_setting('transaction_read_only')::boolean as read_only`)
  if (state?.standby) return ['The database is a standby: it is read-only until it is promoted.']
  if (state?.read_only) return ['The database is read-only (default_transaction_read_only).']
  const problem = await readSetupProblem(db)
  if (problem !== null) return [problem]
  const { missing, unknown } = await compareMigrations(db)
  if (missing > 0)
    return [`The database lacks migrations of this version (${missing}). Run storefeed migrate.`]
  if (unknown > 0)
    return [
      `The database has migrations of a newer release (${unknown}). Upgrade this server; until then it serves the last good feeds and refreshes none.`,
    ]
  return []
}

export type ConnectionCount = { pool: string; state: string; count: number }

/** Connections of all servers to this database by pool and state; through a pooler, the pooler's. */
export async function countConnections(db: Queryable): Promise<ConnectionCount[]> {
  return db.execute<ConnectionCount>(sql`
    select coalesce(substring(application_name from '^storefeed (.+)'), 'other') as pool, state, count(*)::int as count
    from pg_stat_activity
    where datname = current_database() and starts_with(application_name, 'storefeed') and state is not null
    group by 1, 2 order by 1, 2`)
}
