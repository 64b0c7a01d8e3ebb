import { type SQL, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { Queryable } from '../db/connection.ts'
import { textArray } from '../db/parameters.ts'

const locks = {
  /** Keeps them from being deleted, without blocking links to them. */
  keep: sql`for key share`,
  /** Keeps them from being changed. */
  change: sql`for update`,
} satisfies Record<string, SQL>

/** Those of the ids that exist. Their rows are locked until the transaction ends, in the order of ids. */
export async function lockRows(
  tx: Queryable,
  table: PgTable,
  ids: Iterable<string>,
  to: keyof typeof locks,
): Promise<Set<string>> {
  const rows = await tx.execute<{ id: string }>(sql`
    select id from ${table} where id = any(${textArray([...ids])}) order by id ${locks[to]}`)
  return new Set(rows.map(({ id }) => id))
}
