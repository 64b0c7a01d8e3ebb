/** Which admin key a server starts with, and how keys are looked up. */
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { ensureAdminKey, listKeys, principalOfKey } from '../../src/auth/api-keys.ts'
import { connect } from '../../src/db/connection.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { tapWire } from '../support/wire-tap.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
afterEach(() => database.db.execute(sql`truncate api_keys cascade`))

test('without API_KEY the first start makes an admin key, and later ones none', async () => {
  const { db } = database
  const made = await ensureAdminKey(db, null)
  expect(await principalOfKey(db, made ?? '')).toMatchObject({ scopes: ['admin'] })
  expect(await ensureAdminKey(db, null)).toBeNull()
  expect(await listKeys(db)).toHaveLength(1)
})

test('of servers that start at once, one makes the first admin key', async () => {
  const made = await Promise.all(Array.from({ length: 5 }, () => ensureAdminKey(database.db, null)))
  expect(made.filter((key) => key !== null)).toHaveLength(1)
  expect(await listKeys(database.db)).toHaveLength(1)
})

test('API_KEY is an admin key; when it changes, the one before it is revoked', async () => {
  const { db } = database
  expect(await ensureAdminKey(db, 'first-key-of-the-environment')).toBeNull()
  expect(await ensureAdminKey(db, 'first-key-of-the-environment')).toBeNull()
  expect(await principalOfKey(db, 'first-key-of-the-environment')).toMatchObject({
    scopes: ['admin'],
  })
  await ensureAdminKey(db, 'other-key-of-the-environment')
  expect(await principalOfKey(db, 'first-key-of-the-environment')).toBeNull()
  expect(await principalOfKey(db, 'other-key-of-the-environment')).toMatchObject({
    scopes: ['admin'],
  })
  await ensureAdminKey(db, 'first-key-of-the-environment')
  expect(await principalOfKey(db, 'first-key-of-the-environment')).toMatchObject({
    scopes: ['admin'],
  })
  expect(await principalOfKey(db, 'other-key-of-the-environment')).toBeNull()
})

test('a new first key is made once the last admin key is revoked', async () => {
  const { db } = database
  await ensureAdminKey(db, null)
  await db.execute(sql`update api_keys set revoked_at = now()`)
  expect(await ensureAdminKey(db, null)).toMatch(/^sf_/)
})

test('what Postgres takes for the hash of a key is compared once more, to the byte', async () => {
  const { db } = database
  const key = 'key-of-the-environment'
  await ensureAdminKey(db, key)
  try {
    // Padded with blanks, which Postgres overlooks.
    await db.execute(sql`alter table api_keys alter hash type char(70)`)
    expect(await principalOfKey(db, key)).toBeNull()
  } finally {
    await db.execute(sql`alter table api_keys alter hash type text`)
  }
  expect(await principalOfKey(db, key)).toMatchObject({ scopes: ['admin'] })
})

test('the use of a key is recorded once a minute', async () => {
  const { db } = database
  await ensureAdminKey(db, 'key-of-the-environment')
  const usedAgo = async (seconds: number) => {
    await db.execute(
      sql`update api_keys set last_used_at = now() - make_interval(secs => ${seconds})`,
    )
    const [before] = await listKeys(db)
    await principalOfKey(db, 'key-of-the-environment')
    const [after] = await listKeys(db)
    return before?.last_used_at === after?.last_used_at ? 'unchanged' : 'recorded'
  }
  expect([await usedAgo(20), await usedAgo(70)]).toEqual(['unchanged', 'recorded'])
})

test('a key that was used a moment ago is looked up in one round trip', async () => {
  const { db } = database
  await ensureAdminKey(db, 'key-of-the-environment')
  await principalOfKey(db, 'key-of-the-environment')
  const wire = await tapWire(database.url)
  const tapped = connect(wire.url, { max: 1 })
  try {
    await tapped.db.execute(sql`select 1`)
    const before = wire.turns()
    expect(await principalOfKey(tapped.db, 'key-of-the-environment')).toMatchObject({
      scopes: ['admin'],
    })
    expect(wire.turns() - before).toBe(1)
    await tapped.db.execute(sql`select 1`)
    await tapped.db.execute(sql`select 2`)
    expect(wire.turns() - before).toBe(3)
  } finally {
    await tapped.close()
    await wire.stop()
  }
})
