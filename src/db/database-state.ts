/** In charge of whether the database lets a server do its work. */
import { sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'
import { countMissingMigrations } from './migrate.ts'

/** What makes it useless to a server, in words; empty when nothing does. */
export async function readDatabaseProblems(db: Queryable): Promise<string[]> {
  const [state] = await db.execute<{ standby: boolean; read_only: boolean }>(sql`
    select pg_is_in_recovery() as standby, current_setting('transaction_read_only')::boolean as read_only`)
  if (state?.standby)
    return ['The database is a standby: nothing can be written until it is promoted.']
  if (state?.read_only)
    return [
      'The database is set to read only (default_transaction_read_only): nothing can be written.',
    ]
  const missing = await countMissingMigrations(db)
  if (missing > 0)
    return [
      `Migrations of this version are missing in the database: ${missing}. Run storefeed migrate.`,
    ]
  return []
}

export type ConnectionCount = { pool: string; state: string; count: number }

/** Those of all servers on this database, by what each is for; through a pooler, the pooler's own. */
export async function countConnections(db: Queryable): Promise<ConnectionCount[]> {
  return db.execute<ConnectionCount>(sql`
    select coalesce(substring(application_name from '^storefeed (.+)'), 'other') as pool, state, count(*)::int as count
    from pg_stat_activity
    where datname = current_database() and starts_with(application_name, 'storefeed') and state is not null
    group by 1, 2 order by 1, 2`)
}
