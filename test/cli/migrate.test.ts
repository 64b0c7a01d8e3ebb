import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { countMissingMigrations, migrate } from '../../src/db/migrate.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { run } from './command-line.ts'

/** Every column, constraint, index, function and trigger, by name. */
async function shapeOf({ db }: TestDatabase): Promise<string[]> {
  const rows = await db.execute<{ part: string }>(sql`
    select table_name || '.' || column_name || ' ' || data_type as part from information_schema.columns where table_schema = 'public'
    union all select conname || ' ' || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace
    union all select indexdef from pg_indexes where schemaname = 'public'
    union all select proname || prosrc from pg_proc where pronamespace = 'public'::regnamespace
    union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    order by 1`)
  return rows.map(({ part }) => part)
}

test('an empty database is migrated by one of two that try at once, and again without harm', async () => {
  const [empty, whole] = [await createTestDatabase('template0'), await createTestDatabase()]
  try {
    const migrate = () => run(['migrate'], { DATABASE_URL: empty.url })
    const done = { code: 0, signal: null, stdout: 'The database is up to date.\n', stderr: '' }
    expect(await Promise.all([migrate(), migrate()])).toEqual([done, done])
    const shape = await shapeOf(empty)
    expect(shape).toEqual(await shapeOf(whole))
    expect(await migrate()).toEqual(done)
    expect(await shapeOf(empty)).toEqual(shape)
  } finally {
    await Promise.all([empty.close(), whole.close()])
  }
})

test('more that migrate at once than a pooler has connections take turns', async () => {
  const empty = await createTestDatabase('template0')
  try {
    await Promise.all(Array.from({ length: 25 }, () => migrate(empty.url)))
    expect(await countMissingMigrations(empty.db)).toBe(0)
  } finally {
    await empty.close()
  }
})

test('a database that does not exist is reported by name', async () => {
  const database = await createTestDatabase()
  await database.close()
  // Directly: a pooler has one code for all its errors.
  const { code, stdout, stderr } = await run(['migrate'], { DATABASE_URL: database.directUrl })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^Postgres reported an error: database "\w+" does not exist \(3D000\)\n$/)
})
