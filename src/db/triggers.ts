/** In charge of knowing which triggers the migrations leave, and which of them a database lacks. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))
const statement =
  /(CREATE|DROP)(?: CONSTRAINT)? TRIGGER (?:IF EXISTS )?(\w+)\s(?:(?:BEFORE|AFTER)[^;]*?\s)?ON (\w+)/g

/** As `trigger on table`; one that is switched off counts as missing. */
export async function missingTriggers(db: Queryable): Promise<string[]> {
  const there = await db.execute<{ name: string }>(sql`
    select tgname || ' on ' || relname as name from pg_trigger join pg_class on pg_class.oid = tgrelid
    where not tgisinternal and tgenabled in ('O', 'A')`)
  const names = new Set(there.map(({ name }) => name))
  return [...(await wantedTriggers())].filter((name) => !names.has(name))
}

async function wantedTriggers(): Promise<Set<string>> {
  const wanted = new Set<string>()
  const files = (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql')).sort()
  for (const file of files) {
    const text = await readFile(join(migrationsFolder, file), 'utf8')
    for (const [, verb, trigger, table] of text.matchAll(statement)) {
      if (verb === 'CREATE') wanted.add(`${trigger} on ${table}`)
      else wanted.delete(`${trigger} on ${table}`)
    }
  }
  return wanted
}
