import { sql } from 'drizzle-orm'
import type { Queryable } from '../db/connection.ts'
import { readFixedRowProblems } from '../db/fixed-rows.ts'
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
  for (const problem of rows)
    diagnostics.push(error(area, problem, 'Run storefeed migrate, which adds what is missing.'))
  return diagnostics
}
