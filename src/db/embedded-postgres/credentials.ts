/** Who may connect to the embedded Postgres: one role without superuser rights, by a password that only the owner of the directory can read. */
import { randomBytes } from 'node:crypto'
import { chown, link, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, ifMissing } from '../../lib/system-error.ts'
import { type Account, runOrThrow } from './account.ts'

/** Owns the cluster; no connection is accepted for it. */
export const superuser = 'storefeed'
const role = 'storefeed_app'

const accessRules = `# Written by storefeed at its start: only its own role may connect, with its password.
host all ${role} 127.0.0.1/32 scram-sha-256
`

/**
 * The URL of the server of `directory` at `port`. Without a password when an earlier release made the directory and
 * {@link secure} did not run since: its server accepts every local connection.
 */
export async function connectionUrl(
  directory: string,
  port: number,
): Promise<{ url: string; isSecured: boolean }> {
  const isSecured = (await readIn(directory, 'pg_hba.conf')) === accessRules
  const user = isSecured ? `${role}:${await readIn(directory, passwordFile)}` : superuser
  return { url: `postgres://${user}@127.0.0.1:${port}/postgres`, isSecured }
}

const passwordFile = 'storefeed.password'

const readIn = (directory: string, name: string) =>
  readFile(join(directory, name), 'utf8').catch(ifMissing(''))

/**
 * Makes the role, gives it the database and what is in it, and closes all other ways in. Nothing is done when that was
 * done before. No server may run in the directory: Postgres's own lock makes the second of two processes fail.
 */
export async function secure(directory: string, account: Account, postgres: string): Promise<void> {
  if ((await connectionUrl(directory, 0)).isSecured) return
  const password = await ensurePassword(directory)
  const options = ['--single', '-D', directory, '-c', 'exit_on_error=on', 'postgres']
  await runOrThrow(account, postgres, options, { input: statements(password).join('\n') })
  await writeAs(directory, 'pg_hba.conf', accessRules, (from, to) => rename(from, to))
}

/** The first of several processes decides. */
async function ensurePassword(directory: string): Promise<string> {
  await writeAs(directory, passwordFile, randomBytes(24).toString('hex'), (from, to) =>
    link(from, to).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    }),
  )
  return readIn(directory, passwordFile)
}

/** Whole or not at all, and readable by nobody but the owner of the directory. */
async function writeAs(
  directory: string,
  name: string,
  text: string,
  publish: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const path = join(directory, name)
  const temporary = `${path}.${process.pid}`
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
    const { uid, gid } = await stat(directory)
    if (process.getuid?.() === 0) await chown(temporary, uid, gid)
    await publish(temporary, path)
  } finally {
    await file.close()
    await rm(temporary, { force: true })
  }
}

/**
 * Each is one line, as Postgres reads them in single-user mode. `reassign owned` does not work on what the first
 * superuser owns.
 */
const statements = (password: string) =>
  [
    `do $$ begin if to_regrole('${role}') is null then create role ${role}; end if; end $$`,
    `alter role ${role} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls password '${password}'`,
    `grant pg_read_all_settings to ${role}`,
    `alter database postgres owner to ${role}`,
    `do $$ declare command text; begin
      for command in
        with mine as (
          select oid as schema from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
        )
        select format('alter schema %I owner to ${role}', nspname) from pg_namespace
          where oid in (select schema from mine) and nspname <> 'public'
        union all
        select format('alter %s %s owner to ${role}',
            case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table' else 'table' end,
            c.oid::regclass)
          from pg_class c where relnamespace in (select schema from mine) and relkind in ('r', 'p', 'v', 'm', 'S', 'f')
          and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and deptype in ('a', 'i', 'e'))
        union all
        select format('alter routine %s owner to ${role}', p.oid::regprocedure) from pg_proc p
          where pronamespace in (select schema from mine)
          and not exists (select from pg_depend d where d.objid = p.oid and d.classid = 'pg_proc'::regclass and deptype in ('i', 'e'))
        union all
        select format('alter type %s owner to ${role}', t.oid::regtype) from pg_type t
          where typnamespace in (select schema from mine) and typtype in ('e', 'd')
          and not exists (select from pg_depend d where d.objid = t.oid and d.classid = 'pg_type'::regclass and deptype in ('i', 'e'))
      loop execute command; end loop; end $$`,
  ].map((statement) => statement.replaceAll(/\s+/g, ' '))
