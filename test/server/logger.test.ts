import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sql } from 'drizzle-orm'
import { expect, inject, test } from 'vitest'
import { connect, type Database } from '../../src/db/connection.ts'
import { postgresError } from '../../src/db/postgres-error.ts'
import { mask } from '../../src/lib/mask.ts'
import { describeError } from '../../src/server/logger.ts'
import { createTestDatabase } from '../support/database.ts'

const secret = 'jane@example.com'

async function failureOf(db: Database, query: ReturnType<typeof sql>): Promise<unknown> {
  try {
    await db.execute(query)
  } catch (error) {
    return error
  }
  throw new Error('the query did not fail')
}

test('of a query that Postgres rejected, neither parameters nor rows are logged', async () => {
  const { db, close } = await createTestDatabase()
  try {
    await db.execute(sql`insert into stores (id, title) values (${secret}, 'x')`)
    const error = await failureOf(db, sql`insert into stores (id, title) values (${secret}, 'y')`)
    expect(postgresError(error)?.detail).toContain(secret)
    const logged = describeError(error)
    expect(logged).toEqual({
      code: '23505',
      message: 'duplicate key value violates unique constraint "stores_pkey"',
      constraint: 'stores_pkey',
      at: expect.arrayContaining([expect.stringMatching(/^at .*logger\.test\.ts/)]),
    })
    expect(JSON.stringify(logged)).not.toContain(secret)
  } finally {
    await close()
  }
})

test('of a query that never came to Postgres, its parameters are not logged', async () => {
  const { db, close } = connect('postgres://nobody@127.0.0.1:1/none', { max: 1 })
  try {
    const logged = describeError(await failureOf(db, sql`select ${secret}`))
    expect(logged).toMatchObject({
      message: 'the connection to Postgres failed',
      cause: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' },
    })
    expect(JSON.stringify(logged)).not.toContain(secret)
  } finally {
    await close()
  }
})

test('any other error is logged with its causes, and what is no error as such', () => {
  const error = new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'E1' }) })
  expect(describeError(error)).toEqual({
    message: 'outer',
    at: expect.any(Array),
    cause: { message: 'inner', code: 'E1', at: expect.any(Array) },
  })
  expect(describeError(secret)).toEqual({ message: 'a value that is not an error was thrown' })
})

test('no line of a parameter passes for a line of the stack', async () => {
  const { db, close } = await createTestDatabase()
  try {
    const logged = describeError(await failureOf(db, sql`select ${`x\nat ${secret}`}::int`))
    expect(logged).toMatchObject({ code: '22P02', at: expect.arrayContaining([expect.anything()]) })
    expect(JSON.stringify(logged)).not.toContain(secret)
  } finally {
    await close()
  }
})

test.each([
  ['no e-mail jane.doe+x@example.co.uk here', 'no e-mail (e-mail) here'],
  ['<jane@example.com>, jane%40example.com', '<(e-mail)>, (e-mail)'],
  ['/feeds/products.json?key=abc123&x=1', '/feeds/products.json?key=(key)&x=1'],
  ['sf_0123456789abcdef0123 and pk_0123456789abcdef0123', '(key) and (key)'],
  ['Authorization: Bearer abc.def', 'Authorization: Bearer (key)'],
  ['call +1 (617) 555-0100 or 6175550100 or 617.555.0100', 'call (number) or (number) or (number)'],
  [
    'connect ECONNREFUSED 127.0.0.1:5432 after 5000 ms',
    'connect ECONNREFUSED 127.0.0.1:5432 after 5000 ms',
  ],
  ['401 Incorrect authentication credentials.', '401 Incorrect authentication credentials.'],
])('%s is shown as %s', (text, shown) => {
  expect(mask(text)).toBe(shown)
})

test('an error that nobody caught ends the process, and is logged without its properties', () => {
  const at = (name: string) =>
    JSON.stringify(pathToFileURL(join(dirname(inject('main')), name)).href)
  const script = `
    import { exitOnUncaught } from ${at('cli/report-errors.js')}
    exitOnUncaught()
    setTimeout(() => console.log('lives on'), 5000)
    Promise.reject(Object.assign(new Error('Failed query: ${secret}'), { params: ['${secret}'] }))`
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', script],
    {
      encoding: 'utf8',
    },
  )
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^\{"err":\{"message":"a query failed"/)
  expect(stderr).not.toContain(secret)
})
