import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Queryable, transaction } from '../../src/db/connection.ts'
import { postgresCode, RetryTransaction } from '../../src/db/postgres-error.ts'
import { products } from '../../src/db/schema/catalog.ts'
import { settleBoth } from '../../src/lib/settle-both.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

/** Writes a row in both ways there are, once `start` has come. */
async function writeLate(tx: Queryable, start: Promise<unknown>): Promise<void> {
  await start
  const outcomes = await Promise.allSettled([
    (async () => tx.insert(products).values({ id: 'insert', title: 'Behind its back' }))(),
    (async () => tx.execute(sql`insert into products (id, title) values ('sql', 'The same')`))(),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
}

/** When `failed` has failed, and long enough after it for a rollback to be over. */
async function later(failed: Promise<unknown>): Promise<void> {
  await expect(failed).rejects.toThrow()
  for (let turn = 0; turn < 3; turn++) await database.db.execute(sql`select 1`)
}

const fail = (tx: Queryable) => tx.execute(sql`select 1 / 0`)

const written = async () =>
  (await database.db.execute<{ id: string }>(sql`select id from products`)).map(({ id }) => id)

test('what goes on after the transaction has failed is rejected', async () => {
  const { db } = database
  let left = Promise.resolve()
  let end = () => undefined
  const ended = new Promise<undefined>((resolve) => {
    end = () => void resolve(undefined)
  })
  const failed = transaction(db, async (tx) => {
    left = writeLate(tx, ended)
    await fail(tx)
  })
  await expect(failed).rejects.toThrow()
  end()
  await left
  expect(await written()).toEqual([])
})

test('of two things at once, none writes behind the failure of the other', async () => {
  const { db } = database
  const work = (tx: Queryable) => {
    const failed = fail(tx)
    return settleBoth(writeLate(tx, later(failed)), failed)
  }
  await expect(transaction(db, work)).rejects.toThrow()
  expect(await written()).toEqual([])
})

test('of two things at once, each has ended before the transaction is rolled back', async () => {
  const late: unknown[] = []
  const work = (tx: Queryable) => {
    const failed = fail(tx)
    const goesOn = later(failed).then(() => tx.execute(sql`select 1`))
    return settleBoth(
      goesOn.catch((error: unknown) => late.push(postgresCode(error))),
      failed,
    )
  }
  await expect(transaction(database.db, work)).rejects.toThrow()
  // By Postgres, within the transaction that failed.
  expect(late).toEqual(['25P02'])
})

test('a transaction that cannot begin ends once its work has', async () => {
  const { db, close } = connect(database.url, { max: 1, statementMs: -1 })
  const late: unknown[] = []
  try {
    const work = async (tx: Queryable) => {
      await later(tx.execute(sql`select 1`))
      await tx.execute(sql`select 1`).catch((error: unknown) => late.push(postgresCode(error)))
    }
    await expect(db.transaction(work)).rejects.toThrow()
    expect(late).toEqual(['25P02'])
  } finally {
    await close()
  }
})

test('work that fails to serialize is run again from the start, and sees what it lost to', async () => {
  const { db } = database
  await db.insert(products).values({ id: 'contested', title: 'first' })
  const add = (word: string) =>
    sql`update products set title = title || ${word} where id = 'contested'`
  const seen: unknown[] = []
  const done = await transaction(
    db,
    async (tx) => {
      const [row] = await tx.execute(sql`select title from products where id = 'contested'`)
      seen.push(row)
      if (seen.length === 1) await db.execute(add('+other'))
      await tx.execute(add('+own'))
      return 'done'
    },
    { isolationLevel: 'repeatable read' },
  )
  expect([done, seen]).toEqual(['done', [{ title: 'first' }, { title: 'first+other' }]])
  const rows = await db.execute(sql`select title from products where id = 'contested'`)
  expect(rows).toEqual([{ title: 'first+other+own' }])
  await db.execute(sql`truncate products cascade`)
})

const raise = (code: string) =>
  sql.raw(`do $$ begin raise exception 'made up' using errcode = '${code}'; end $$`)

test.each([
  ['a serialization failure', '40001', 5],
  ['a deadlock', '40P01', 5],
  ['a lock that is not to be had', '55P03', 5],
  ['a broken rule', '23505', 1],
  ['a statement that took too long', '57014', 1],
])('%s that comes each time is reported after all tries', async (_, code, tries) => {
  let runs = 0
  const failed = transaction(database.db, async (tx) => {
    runs++
    await tx.execute(raise(code))
  })
  await expect(failed.catch(postgresCode)).resolves.toBe(code)
  expect(runs).toBe(tries)
})

test('work that lost a race in its own words is run again, and what it wrote the first time is gone', async () => {
  let runs = 0
  await transaction(database.db, async (tx) => {
    runs++
    await tx.insert(products).values({ id: `run-${runs}`, title: 'R' })
    if (runs === 1) throw new RetryTransaction('once')
  })
  expect(await written()).toEqual(['run-2'])
  await database.db.execute(sql`truncate products cascade`)
})
