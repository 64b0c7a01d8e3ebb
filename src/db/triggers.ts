import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))
const statement =
  /(CREATE|DROP)(?: CONSTRAINT)? TRIGGER (?:IF EXISTS )?(\w+)\s(?:(?:BEFORE|AFTER)[^;]*?\s)?ON (\w+)/g

/** The triggers of the migrations that the database lacks or has disabled, as `trigger on table`. */
export async function missingTriggers(db: Queryable): Promise<string[]> {
  const present = await db.execute<{ name: string }>(sql`
    select tgname || ' on ' || relname as name from pg_trigger join pg_class on pg_class.oid = tgrelid
    where not tgisinternal and tgenabled in ('O', 'A') and pg_table_is_visible(tgrelid)`)
  const names = new Set(present.map(({ name }) => name))
  return [...(await expectedTriggers())].filter((name) => !names.has(name))
}

async function expectedTriggers(): Promise<Set<string>> {
  const expected = new Set<string>()
  const files = (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql')).sort()
  for (const file of files) {
    const text = await readFile(join(migrationsFolder, file), 'utf8')
    for (const [, verb, trigger, table] of text.matchAll(statement)) {
      if (verb === 'CREATE') expected.add(`${trigger} on ${table}`)
      else expected.delete(`${trigger} on ${table}`)
    }
  }
  return expected
}
