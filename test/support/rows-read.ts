/** How much a query reads, where a wrong plan would read all. */
import { sql } from 'drizzle-orm'
import type { Queryable } from '../../src/db/connection.ts'

/** Rows of the table, a few for planning among them, that this connection has read and not yet reported. */
export async function countRead(tx: Queryable, table: string): Promise<number> {
  const [row] = await tx.execute<{ read: number }>(sql`
    select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_xact_user_tables where relname = ${table}`)
  return row?.read ?? 0
}
