import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { sql } from 'drizzle-orm'
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator'
import { AppError } from '../lib/errors.ts'
import { connect, type Database, type Queryable } from './connection.ts'
import { addFixedRows, readFixedRowProblems } from './fixed-rows.ts'
import { guardFunctions, unguardedFunctions } from './guarded-functions.ts'
import { postgresError } from './postgres-error.ts'

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))

/**
 * Brings the schema up to date. Any number of processes may call it at once: one migrates, the others wait. When nothing
 * is to be done, it only reads, so that a server's user need not be the owner of the tables.
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const connection = connect(databaseUrl, { max: 1 })
  try {
    while (!(await isUpToDate(connection.db)) && !(await migrateUnderLock(connection.db)))
      await delay(lockPollMs)
  } catch (error) {
    throw rightsError(error) ?? error
  } finally {
    await connection.close()
  }
}

const lockPollMs = 100

async function isUpToDate(db: Queryable): Promise<boolean> {
  const problem = await readSetupProblem(db)
  if (problem !== null) throw new AppError('unavailable', problem)
  const { missing } = await compareMigrations(db)
  if (missing > 0) return false
  const faults = [await unguardedFunctions(db), await readFixedRowProblems(db)]
  return faults.flat().length === 0
}

/** Insufficient privilege, in words. */
function rightsError(error: unknown): AppError | undefined {
  const found = postgresError(error)
  if (found?.code !== '42501') return undefined
  return new AppError(
    'forbidden',
    `The user of DATABASE_URL lacks a right that this takes: ${found.message}. Run storefeed migrate as the owner of the tables, and give a server's own user the rights that docs/sql.md lists.`,
  )
}

/**
 * Why storefeed cannot use this database, in words. It compares and stores texts as UTF-8, and finds its tables by the
 * search path. Both tables are looked for in one snapshot: `to_regclass` may still miss a table that another connection
 * has just created.
 */
export async function readSetupProblem(db: Queryable): Promise<string | null> {
  const [found] = await db.execute<{ encoding: string; schema: string | null; lost: boolean }>(sql`
    select current_setting('server_encoding') as encoding, current_schema() as schema,
      (select coalesce(bool_or(nspname = 'drizzle' and relname = '__drizzle_migrations'), false)
          and not coalesce(bool_or(nspname = any (current_schemas(false)) and relname = 'outbox_queues'), false)
        from pg_class join pg_namespace n on n.oid = relnamespace
        where relname in ('__drizzle_migrations', 'outbox_queues')) as lost`)
  if (found && found.encoding !== 'UTF8')
    return `The database has the encoding ${found.encoding}, which cannot hold every text. Create one with UTF8: create database storefeed encoding 'UTF8' template template0.`
  if (found?.lost)
    return 'The tables of storefeed are in no schema of the search_path of this database user. Set it: alter role … set search_path = … .'
  if (found?.schema === null)
    return 'No schema of the search_path of this database user exists. Create one, or set another search_path.'
  return null
}

/** False while another process holds the lock. Waiting processes hold no connection: they could use up a pooler's pool. */
function migrateUnderLock(db: Database): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [lock] = await tx.execute<{ acquired: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtext('storefeed.migrate')) as acquired`,
    )
    if (!lock?.acquired) return false
    await useSchemaOfTables(tx)
    await createJournal(tx)
    for (const migration of await missingMigrations(tx)) await apply(tx, migration)
    await guardFunctions(tx)
    await addFixedRows(tx)
    return true
  })
}

/** New tables go where the others are, also when the search path has another schema before it. */
async function useSchemaOfTables(tx: Queryable): Promise<void> {
  await tx.execute(sql`
    select set_config('search_path', coalesce(
      (select relnamespace::regnamespace::text from pg_class where oid = to_regclass('outbox_queues')),
      quote_ident(current_schema())), true)`)
}

/** Asked for first: `if not exists` needs the right to create even where there is nothing to do. */
async function createJournal(tx: Queryable): Promise<void> {
  if (await hasJournal(tx)) return
  await tx.execute(sql`set local client_min_messages = warning`)
  await tx.execute(sql`create schema if not exists drizzle`)
  await tx.execute(sql`
    create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`)
}

async function hasJournal(db: Queryable): Promise<boolean> {
  const [table] = await db.execute<{ exists: boolean }>(
    sql`select to_regclass('drizzle.__drizzle_migrations') is not null as exists`,
  )
  return table?.exists === true
}

async function apply(tx: Queryable, { sql: statements, hash, folderMillis }: MigrationMeta) {
  // The generator writes "public"; the tables may be in any schema.
  for (const statement of statements)
    await tx.execute(sql.raw(statement.replaceAll('"public".', '')))
  await tx.execute(sql`
    insert into drizzle.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`)
}

let known: readonly MigrationMeta[] | undefined

/** Read once: an upgrade may replace the files. */
function migrationsOfRelease(): readonly MigrationMeta[] {
  known ??= readMigrationFiles({ migrationsFolder })
  return known
}

/** The times of this release's migrations, which identify them. */
export const knownMigrations = (): ReadonlySet<number> =>
  new Set(migrationsOfRelease().map(({ folderMillis }) => folderMillis))

async function appliedMigrations(db: Queryable): Promise<ReadonlySet<number>> {
  const rows = (await hasJournal(db))
    ? await db.execute<{ at: number }>(
        sql`select created_at::float8 as at from drizzle.__drizzle_migrations`,
      )
    : []
  return new Set(rows.map(({ at }) => at))
}

async function missingMigrations(db: Queryable): Promise<MigrationMeta[]> {
  const applied = await appliedMigrations(db)
  return migrationsOfRelease().filter(({ folderMillis }) => !applied.has(folderMillis))
}

/** How many migrations of this release the database lacks, and how many it has that this release does not know. */
export async function compareMigrations(
  db: Queryable,
): Promise<{ missing: number; unknown: number }> {
  const applied = await appliedMigrations(db)
  const known = knownMigrations()
  return {
    missing: [...known].filter((at) => !applied.has(at)).length,
    unknown: [...applied].filter((at) => !known.has(at)).length,
  }
}
