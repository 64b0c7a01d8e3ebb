import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connect } from '../../src/db/connection.ts'
import { ConnectionLost } from '../../src/db/postgres-error.ts'
import { products } from '../../src/db/schema/catalog.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

const texts = fc.array(
  fc.oneof(
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
    fc.constantFrom('', ' ', 'NULL', 'null', '{}', '"', '\\', '\\"', 'a,b', "'", '\n', '}{', '🙂'),
  ),
)

test('a list of texts comes back as it was sent, by SQL of our own and by an insert', async () => {
  const { db } = database
  await fc.assert(
    fc.asyncProperty(texts, async (list) => {
      const [row] = await db.execute<{ list: string[]; length: number }>(
        sql`select ${sql.param(list)}::text[] as list, cardinality(${sql.param(list)}::text[]) as length`,
      )
      expect(row).toEqual({ list, length: list.length })
      await db.execute(sql`truncate products cascade`)
      await db.insert(products).values({ id: 'p', title: 'P', categories: list })
      const rows = await db.execute(
        sql`select categories, to_json(categories) as json from products`,
      )
      expect([...rows]).toEqual([{ categories: list, json: list }])
    }),
    { numRuns: 60 },
  )
})

test('a notification comes to who listens, but a pooler is never left with a LISTEN', async () => {
  const direct = inject('clientUrl') === inject('serverUrl')
  const listener = connect(database.url, { max: 1 })
  let notifications = 0
  try {
    const listens = await listener.listen('bell', () => notifications++)
    expect(listens).toBe(direct)
    const before = notifications
    await database.db.execute(sql`select pg_notify('bell', '')`)
    if (direct) await expect.poll(() => notifications).toBe(before + 1)
    else expect(notifications).toBe(0)
  } finally {
    await listener.close()
  }
})

test.each([
  ['in the middle of a transaction', sql`begin`],
  ['in a transaction that has failed', sql.raw('begin; select 1 / 0')],
])('a connection that is left %s is not lent on', async (_, leave) => {
  // An error is then told before the status of the transaction.
  const proxy = await openTcpProxy(new URL(database.url), { splitAnswers: true })
  const { db, close } = connect(proxy.url, { max: 1 })
  try {
    await db.execute(leave).catch(() => undefined)
    await db.execute(sql`insert into products (id, title) values ('after', 'A')`)
    expect(
      await database.db.execute(sql`delete from products where id = 'after' returning id`),
    ).toEqual([{ id: 'after' }])
  } finally {
    await close()
    await proxy.disconnect()
  }
})

test('a pool closes although Postgres says nothing any more', async () => {
  const proxy = await openTcpProxy(new URL(database.url))
  const { db, close } = connect(proxy.url, { max: 1 })
  let begun = () => {}
  const hushed = new Promise<void>((resolve) => {
    begun = resolve
  })
  const asked = db
    .transaction(async (tx) => {
      await tx.execute(sql`select 1`)
      proxy.stall()
      begun()
      await tx.execute(sql`select 1`)
    })
    .catch((error: unknown) => error)
  await hushed
  await close()
  expect(await asked).toBeInstanceOf(ConnectionLost)
  await proxy.disconnect()
})

test('a listener closes although its server has vanished', async () => {
  const proxy = await openTcpProxy(new URL(database.url))
  const listener = connect(proxy.url, { max: 1 })
  await listener.listen('bell', () => undefined)
  proxy.vanish()
  await listener.close()
  await proxy.disconnect()
})

test('a query that a vanished server took with it is given up, and so are the other connections there', async () => {
  const proxy = await openTcpProxy(new URL(database.url))
  const { db, close } = connect(proxy.url, { max: 3, queryMs: 2_000 })
  let vanish = () => {}
  const holding = new Promise<void>((resolve) => {
    vanish = resolve
  })
  const others = [1, 2].map(() =>
    db.transaction(async (tx) => {
      await tx.execute(sql`select 1`)
      await holding
    }),
  )
  const asked = db.transaction(async (tx) => {
    await tx.execute(sql`select 1`)
    vanish()
    await Promise.all(others)
    proxy.vanish()
    await tx.execute(sql`select 1`)
  })
  await expect(asked).rejects.toBeInstanceOf(ConnectionLost)
  const again = [1, 2, 3].map(() => db.execute(sql`select 1 as one`))
  expect(await Promise.all(again)).toEqual([[{ one: 1 }], [{ one: 1 }], [{ one: 1 }]])
  await close()
  await proxy.disconnect()
})

test('a connection that Postgres terminates as soon as it is set up is lost, which is no error of ours', async () => {
  const proxy = await openTcpProxy(new URL(database.url), { terminateAfter: 'SET\0' })
  const { db, close } = connect(proxy.url, { max: 1 })
  try {
    await expect(db.execute(sql`select 1`)).rejects.toThrow(ConnectionLost)
  } finally {
    await close()
    await proxy.disconnect()
  }
})
