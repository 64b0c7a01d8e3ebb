import { readdir, readFile } from 'node:fs/promises'
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { connect } from '../../src/db/connection.ts'
import { compareMigrations, migrate, readSetupProblem } from '../../src/db/migrate.ts'
import { formatters } from '../../src/feeds/formatters.ts'
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
    expect(await compareMigrations(empty.db)).toEqual({ missing: 0, unknown: 0 })
  } finally {
    await empty.close()
  }
})

test('tables that another connection has just created are not taken for tables of another schema', async () => {
  const database = await createTestDatabase()
  const readers = Array.from({ length: 20 }, () => connect(database.url, { max: 1 }))
  let done = false
  const problems = readers.map(async ({ db }) => {
    const found: (string | null)[] = []
    while (!done) found.push(await readSetupProblem(db))
    return found.filter((problem) => problem !== null)
  })
  const rename = (statements: string[]) =>
    database.db.transaction(async (tx) => {
      for (const statement of statements) await tx.execute(sql.raw(`alter table ${statement}`))
    })
  try {
    for (let round = 0; round < 60; round++) {
      await rename(['outbox_queues rename to away', 'drizzle.__drizzle_migrations rename to away'])
      await rename(['away rename to outbox_queues', 'drizzle.away rename to __drizzle_migrations'])
    }
  } finally {
    done = true
    expect((await Promise.all(problems)).flat()).toEqual([])
    await Promise.all([database, ...readers].map(({ close }) => close()))
  }
})

test('what 1.0.0 stored is migrated: feeds with what stands around their items, and one row of settings, doubled or gone', async () => {
  for (const settings of [0, 1, 2]) {
    const database = await createTestDatabase('template0')
    try {
      for (const statement of await statementsUntil('0008'))
        await database.db.execute(sql.raw(statement))
      await database.db.execute(sql`
        insert into feed_state (feed, version, slots, items, render_key, reference_items, reference_at, built_at)
        select feed, 7, 64, 0, 'k', 0, now(), '2026-01-01T00:00:00.700Z' from unnest(array['products', 'stores']) feed`)
      await database.db.execute(sql`delete from outbox_settings`)
      for (let row = 0; row < settings; row++)
        await database.db.execute(sql`insert into outbox_settings default values`)
      for (const statement of await statementsUntil('0010', '0008'))
        await database.db.execute(sql.raw(statement))
      expect(await database.db.execute(sql`select one_row from outbox_settings`)).toEqual([
        { one_row: true },
      ])
      const rows = await database.db.execute<{ feed: 'products'; frames: object }>(
        sql`select feed, frames, modified_at = '2026-01-01T00:00:00Z' as dated from feed_state order by feed`,
      )
      expect(rows).toEqual(
        (['products', 'stores'] as const).map((feed) => ({
          feed,
          frames: JSON.parse(JSON.stringify(formatters[feed])),
          dated: true,
        })),
      )
    } finally {
      await database.close()
    }
  }
})

/** Of the migrations whose name is less than `end`, in order. */
async function statementsUntil(end: string, first = ''): Promise<string[]> {
  const folder = new URL('../../migrations/', import.meta.url)
  const names = (await readdir(folder)).filter(
    (name) => name.endsWith('.sql') && name >= first && name < end,
  )
  const texts = await Promise.all(
    names.sort().map((name) => readFile(new URL(name, folder), 'utf8')),
  )
  return texts.flatMap((text) => text.split('--> statement-breakpoint'))
}

test('a database that does not exist is reported by name', async () => {
  const database = await createTestDatabase()
  await database.close()
  // Directly: a pooler has one code for all its errors.
  const { code, stdout, stderr } = await run(['migrate'], { DATABASE_URL: database.directUrl })
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^Postgres reported an error: database "\w+" does not exist \(3D000\)\n$/)
})
