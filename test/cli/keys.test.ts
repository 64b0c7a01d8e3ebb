import { afterAll, beforeAll, expect, test } from 'vitest'
import { principalOfKey } from '../../src/auth/api-keys.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { run } from './command-line.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const keys = (...args: string[]) => run(['keys', ...args], { DATABASE_URL: database.url })

test('a key is made, listed without the key itself, and revoked', async () => {
  const { code, stdout } = await keys('create', 'Klaviyo', '--scope', 'feeds', 'read')
  expect(code).toBe(0)
  const key = stdout.trimEnd()
  expect(key).toMatch(/^sf_[\w-]{43}$/)
  expect(await principalOfKey(database.db, key)).toMatchObject({ scopes: ['feeds', 'read'] })

  const listed = await keys('list')
  expect(listed.stdout).toMatch(/^1\tKlaviyo\tfeeds,read\tlast used \d{4}-/)
  expect(listed.stdout).not.toContain(key)

  expect((await keys('revoke', '1')).stdout).toBe('Key 1 is revoked.\n')
  expect(await principalOfKey(database.db, key)).toBeNull()
  expect((await keys('list')).stdout).toMatch(/^1\tKlaviyo\tfeeds,read\trevoked \d{4}-/)
})

test.each([
  [
    ['revoke', 'first'],
    "command-argument value 'first' is invalid for argument 'id'. It must be a whole number, as in the list.",
  ],
  [['revoke', '99999'], 'There is no key with the id 99999.'],
  [['create', 'x', '--scope', 'root'], 'Allowed choices are feeds, read, write, admin.'],
  [['create', ' '], 'name must not be blank'],
  [['create'], "missing required argument 'name'"],
])('keys %j reports what is wrong', async (args, message) => {
  const { code, stdout, stderr } = await keys(...args)
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain(message)
  expect(stderr).not.toContain('    at ')
})
