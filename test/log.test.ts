/** In charge of showing that the log tells of a failure and holds nothing of the rows it failed on. */
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { connect, type Database } from '../src/db/connect.ts'
import { describeError } from '../src/log.ts'
import { createTestDatabase } from './database.ts'

const secret = 'jane@example.com'

async function failureOf(db: Database, query: ReturnType<typeof sql>): Promise<unknown> {
  try {
    await db.execute(query)
  } catch (error) {
    return error
  }
  throw new Error('the query did not fail')
}

test('of a query that Postgres refused, neither parameters nor rows are told', async () => {
  const { db, close } = await createTestDatabase()
  try {
    await db.execute(sql`insert into stores (id, title) values (${secret}, 'x')`)
    const error = await failureOf(db, sql`insert into stores (id, title) values (${secret}, 'y')`)
    expect(String(error)).toContain(secret)
    const told = describeError(error)
    expect(told).toEqual({
      code: '23505',
      message: 'duplicate key value violates unique constraint "stores_pkey"',
      constraint: 'stores_pkey',
      at: expect.arrayContaining([expect.stringMatching(/^at .*log\.test\.ts/)]),
    })
    expect(JSON.stringify(told)).not.toContain(secret)
  } finally {
    await close()
  }
})

test('of a query that never came to Postgres, its parameters are not told', async () => {
  const { db, close } = connect('postgres://nobody@127.0.0.1:1/none', { max: 1 })
  try {
    const told = describeError(await failureOf(db, sql`select ${secret}`))
    expect(told).toMatchObject({
      message: 'a query failed',
      cause: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' },
    })
    expect(JSON.stringify(told)).not.toContain(secret)
  } finally {
    await close()
  }
})

test('any other error is told with its causes, and what is no error is told as such', () => {
  const error = new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'E1' }) })
  expect(describeError(error)).toEqual({
    message: 'outer',
    at: expect.any(Array),
    cause: { message: 'inner', code: 'E1', at: expect.any(Array) },
  })
  expect(describeError(secret)).toEqual({ message: 'something that is no error was thrown' })
})
