import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { readFixedRowProblems } from '../db/fixed-rows.ts'
import { unguardedFunctions } from '../db/guarded-functions.ts'
import { missingTriggers } from '../db/triggers.ts'
import { type Diagnostic, error, ok, warning } from './diagnostic.ts'

const area = 'database'
/** As in server_version_num: Postgres 15 to 18. */
const oldest = 150_000
const newest = 189_999
const maxSkewMs = 2_000

export async function checkDatabase(db: Queryable): Promise<Diagnostic[]> {
  const sentAt = Date.now()
  const [server] = await db.execute<{ number: number; version: string; now: number }>(sql`
    select current_setting('server_version_num')::int as number, current_setting('server_version') as version,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as now`)
  const { number = 0, version = '', now = 0 } = server ?? {}
  const skewMs = Math.abs(now - (sentAt + Date.now()) / 2)
  const missing = await missingTriggers(db)
  const unguarded = await unguardedFunctions(db)
  const rows = await readFixedRowProblems(db)
  const diagnostics = [ok(area, `Postgres ${version} is reachable and its schema is up to date.`)]
  if (number < oldest || number > newest)
    diagnostics.push(
      warning(area, `Postgres ${version} is not a supported version.`, 'Use Postgres 15 to 18.'),
    )
  if (skewMs > maxSkewMs)
    diagnostics.push(
      warning(
        area,
        `The clocks of the database and of this machine differ by ${Math.round(skewMs / 1_000)} s.`,
        'Synchronize both by NTP: event times come from both.',
      ),
    )
  if (missing.length > 0)
    diagnostics.push(
      error(
        area,
        `Triggers are missing or disabled: ${missing.join(', ')}.`,
        'Changes are not recorded. Enable the triggers (alter table … enable trigger all), then run storefeed rebuild and storefeed backfill.',
      ),
    )
  if (unguarded.length > 0)
    diagnostics.push(
      error(
        area,
        `Functions run with the rights and the search path of who writes: ${unguarded.join(', ')}.`,
        'Writes may be missed. Run storefeed migrate as the owner of the tables.',
      ),
    )
  for (const problem of rows)
    diagnostics.push(error(area, problem, 'Run storefeed migrate, which adds what is missing.'))
  return [...diagnostics, ...(await checkRowSecurity(db)), ...(await checkSharedEmails(db))]
}

/** Of the tables of the schema: which the server's user sees in part, and which the owner does. */
async function checkRowSecurity(db: Queryable): Promise<Diagnostic[]> {
  const [found] = await db.execute<{ forced: string | null; hidden: string | null }>(sql`
    select string_agg(relname, ', ' order by relname) filter (where relforcerowsecurity) as forced,
      string_agg(relname, ', ' order by relname) filter (where row_security_active(oid)) as hidden
    from pg_class where relkind = 'r' and relrowsecurity and relnamespace =
      (select relnamespace from pg_class where oid = to_regclass('outbox_queues'))`)
  const diagnostics: Diagnostic[] = []
  if (found?.forced)
    diagnostics.push(
      error(
        area,
        `Row-level security applies to the owner too, so writes may fail: ${found.forced}.`,
        'Run alter table … no force row level security.',
      ),
    )
  if (found?.hidden)
    diagnostics.push(
      warning(
        area,
        `Row-level security applies to the user of the server: ${found.hidden}.`,
        'Give this user a policy for all rows, or bypassrls; otherwise feeds and events lack rows.',
      ),
    )
  return diagnostics
}

/** Possible only where the migration to `email_key` met such customers: it then made an index that is not unique. */
async function checkSharedEmails(db: Queryable): Promise<Diagnostic[]> {
  const [index] = await db.execute<{ unique: boolean }>(
    sql`select indisunique as unique from pg_index where indexrelid = to_regclass('customers_email')`,
  )
  if (!index || index.unique) return []
  const [found] = await db.execute<{ count: number; first: string; second: string }>(sql`
    select coalesce(sum(count), 0)::int as count, min(first) as first, min(second) as second from (
      select count(*) as count, min(id) as first, max(id) as second from customers
      group by email_key(email) having count(*) > 1 and email_key(email) is not null
    ) as shared`)
  const { count = 0, first = '', second = '' } = found ?? {}
  const message =
    count > 0
      ? `Customers share an e-mail: ${count}, such as "${first}" and "${second}".`
      : 'Two customers could get the same e-mail by SQL.'
  return [
    warning(
      area,
      message,
      'Leave the e-mail to one of them, then run drop index customers_email; create unique index customers_email on customers (email_key(email)).',
    ),
  ]
}
