/** In charge of showing which admin key a server starts with. */

import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { ensureAdminKey, listKeys, scopesOfKey } from '../../src/services/keys.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
afterEach(() => database.db.execute(sql`truncate api_keys`))

test('without API_KEY the first start makes an admin key, and later ones none', async () => {
  const { db } = database
  const made = await ensureAdminKey(db, null)
  expect(await scopesOfKey(db, made ?? '')).toEqual(['admin'])
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
  expect(await scopesOfKey(db, 'first-key-of-the-environment')).toEqual(['admin'])
  await ensureAdminKey(db, 'other-key-of-the-environment')
  expect(await scopesOfKey(db, 'first-key-of-the-environment')).toBeNull()
  expect(await scopesOfKey(db, 'other-key-of-the-environment')).toEqual(['admin'])
  await ensureAdminKey(db, 'first-key-of-the-environment')
  expect(await scopesOfKey(db, 'first-key-of-the-environment')).toEqual(['admin'])
  expect(await scopesOfKey(db, 'other-key-of-the-environment')).toBeNull()
})

test('a new first key is made once the last admin key is revoked', async () => {
  const { db } = database
  await ensureAdminKey(db, null)
  await db.execute(sql`update api_keys set revoked_at = now()`)
  expect(await ensureAdminKey(db, null)).toMatch(/^sf_/)
})
