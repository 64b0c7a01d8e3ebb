/** In charge of showing that nothing of a transaction that failed is written, not even by a part of it that goes on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { both } from '../../src/db/both.ts'
import { type Queryable, transaction } from '../../src/db/connect.ts'
import { products } from '../../src/db/schema/catalog.ts'
import { createTestDatabase, type TestDatabase } from '../database.ts'

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

const fail = (tx: Queryable) => tx.execute(sql`select 1 / 0`)

const written = async () =>
  (await database.db.execute<{ id: string }>(sql`select id from products`)).map(({ id }) => id)

test('what goes on after the transaction has failed is refused', async () => {
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
  const work = (tx: Queryable) => both(writeLate(tx, sleep(50)), fail(tx))
  await expect(transaction(db, work)).rejects.toThrow()
  expect(await written()).toEqual([])
})

test('of two failures the first in time is told', async () => {
  const later = sleep(5).then(() => Promise.reject(new Error('later')))
  await expect(both(later, Promise.reject(new Error('first')))).rejects.toThrow('first')
})
