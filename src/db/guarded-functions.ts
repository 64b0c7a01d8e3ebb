/**
 * Functions of the database work for every writer, whatever their rights, their search path, their temporary tables and
 * row-level security: they run as their owner, on our own schema. `create or replace function` resets that, so each
 * migrate establishes it for all of them. Excepted are functions whose body was parsed when they were created
 * (`RETURN …`): they compute from their arguments and look up nothing by name.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type SQL, sql } from 'drizzle-orm'
import type { Queryable } from './connection.ts'
import { textArray } from './parameters.ts'

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))
const created = /\bFUNCTION (\w+)\(/g

/**
 * Called by the server only, at every poll and for every message: they read what the server may read. So do the functions
 * that claim messages, which a migration makes from one text, so that their names are not found.
 */
const withCallersRights = [
  'feed_states',
  'find_key',
  'order_update_records',
  'order_amendment_records',
  'order_records',
  'customer_records',
]

function functionNames(): string[] {
  const files = readdirSync(migrationsFolder).filter((name) => name.endsWith('.sql'))
  const texts = files.map((file) => readFileSync(join(migrationsFolder, file), 'utf8'))
  const names = texts.flatMap((text) => [...text.matchAll(created)].map(([, name = '']) => name))
  return [...new Set(names)].filter((name) => !withCallersRights.includes(name))
}

/** `row_security = off`: where it applies to the owner too (FORCE), a write fails and loses nothing silently. */
const unguarded = (): SQL => sql`
  select p.oid::regprocedure::text as name, n.oid::regnamespace::text as schema
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  where n.oid = (select relnamespace from pg_class where oid = to_regclass('outbox_queues'))
    and p.proname = any(${textArray(functionNames())}) and p.prosqlbody is null
    and not (
      p.prosecdef and not has_function_privilege('public', p.oid, 'execute') and coalesce(p.proconfig, '{}') @>
        array['search_path=' || n.oid::regnamespace::text || ', pg_temp', 'row_security=off']
    )`

/** The functions that do not run as they should, with the types of their arguments. */
export async function unguardedFunctions(db: Queryable): Promise<string[]> {
  const rows = await db.execute<{ name: string }>(sql`${unguarded()} order by 1`)
  return rows.map(({ name }) => name)
}

/** Takes EXECUTE from PUBLIC too: a trigger needs none, and whoever calls a function directly is granted it. */
export async function guardFunctions(tx: Queryable): Promise<void> {
  const rows = await tx.execute<{ name: string; schema: string }>(unguarded())
  for (const { name, schema } of rows) {
    await tx.execute(
      sql.raw(
        `alter function ${name} security definer set search_path = ${schema}, pg_temp set row_security = off`,
      ),
    )
    await tx.execute(sql.raw(`revoke execute on function ${name} from public`))
  }
  await letWritersDrawVersions(tx)
}

/** Defaults of columns run with the writer's rights. */
async function letWritersDrawVersions(tx: Queryable): Promise<void> {
  await tx.execute(sql`grant usage on sequence catalog_version to public`)
}
