/** Searches every column of every table for personal data. */
import { sql } from 'drizzle-orm'
import type { Database } from '../../src/db/connection.ts'

/** Each table and word that is found in it, whatever its case; empty when nothing is left. */
export async function tracesOf(db: Database, words: readonly string[]): Promise<string[]> {
  const tables = await db.execute<{ name: string }>(sql`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`)
  const found: string[] = []
  for (const { name } of tables) {
    for (const word of words) {
      const rows = await db.execute(sql`
        select from ${sql.identifier(name)} t where strpos(lower(row_to_json(t)::text), ${word.toLowerCase()}) > 0 limit 1`)
      if (rows.length > 0) found.push(`${name}: ${word}`)
    }
  }
  return found
}
