/** The tables may be in any schema: the first of the search path, such as one of the user's own name. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/db/connection.ts'
import { readDatabaseProblems } from '../../src/db/database-state.ts'
import { unguardedFunctions } from '../../src/db/guarded-functions.ts'
import { migrate } from '../../src/db/migrate.ts'
import { missingTriggers } from '../../src/db/triggers.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
const owner = `owner_${randomUUID().slice(0, 8)}`

/** Past a pooler, which has its own users and rejects `options`. */
function urlAs(user: string, options?: string): string {
  const url = new URL(database.directUrl)
  url.username = user
  url.password = 'secret'
  if (options) url.searchParams.set('options', options)
  return url.href
}

async function withDb<T>(url: string, work: (db: TestDatabase['db']) => Promise<T>): Promise<T> {
  const { db, close } = connect(url, { max: 1 })
  try {
    return await work(db)
  } finally {
    await close()
  }
}

beforeAll(async () => {
  database = await createTestDatabase('template0')
  const name = new URL(database.directUrl).pathname.slice(1)
  await database.db.execute(sql.raw(`create role ${owner} login password 'secret'`))
  await database.db.execute(sql.raw(`grant create on database ${name} to ${owner}`))
})
afterAll(async () => {
  await database.db.execute(sql.raw(`drop owned by ${owner} cascade`))
  await database.db.execute(sql.raw(`drop role ${owner}`))
  await database.close()
})

const schemaOf = async (db: TestDatabase['db']) =>
  (
    await db.execute<{ schema: string }>(sql`
      select distinct relnamespace::regnamespace::text as schema from pg_class
      where relname in ('products', 'catalog_version', 'outbox', 'customers_email') order by 1`)
  ).map(({ schema }) => schema)

const writeOrder = (db: TestDatabase['db'], id: string) =>
  db.transaction(async (tx) => {
    await tx.execute(
      sql`insert into products (id, title) values (${id}, 'Of another schema') on conflict do nothing`,
    )
    await tx.execute(sql`insert into orders (id, currency, total) values (${id}, 'USD', 1)`)
    await tx.execute(sql`insert into order_items (order_id, product_id) values (${id}, ${id})`)
  })

const recordedOf = (db: TestDatabase['db'], id: string) =>
  db.execute(sql`
    select (select count(*)::int from outbox where order_id = ${id}) as messages,
      (select count(*)::int from feed_changes where hash = catalog_hash(${id})) as changes`)

test.each([
  ['a schema of the user’s own name', owner, undefined],
  ['a schema of the connection’s search path', 'Shop "1"', '-c search_path="Shop\\ \\"\\"1\\"\\""'],
])('%s', async (_, schema, options) => {
  const url = urlAs(owner, options)
  const quoted = `"${schema.replaceAll('"', '""')}"`
  await withDb(urlAs(owner), (db) => db.execute(sql.raw(`create schema ${quoted}`)))
  await migrate(url)
  await migrate(url)
  await withDb(url, async (db) => {
    expect(await schemaOf(db)).toEqual([schema === owner ? schema : quoted])
    expect(await readDatabaseProblems(db)).toEqual([])
    expect([await unguardedFunctions(db), await missingTriggers(db)]).toEqual([[], []])
    await writeOrder(db, 'own')
    await db.execute(sql`create temporary table outbox (id int)`)
    await db.execute(sql`create temporary table feed_changes (id int)`)
    await writeOrder(db, 'shadowed')
    await db.execute(sql`drop table pg_temp.outbox, pg_temp.feed_changes`)
    for (const id of ['own', 'shadowed'])
      expect(await recordedOf(db, id)).toEqual([{ messages: 2, changes: 1 }])
  })
  await withDb(database.directUrl, async (db) => {
    expect(await readDatabaseProblems(db)).toEqual([
      expect.stringContaining('search_path of this database user'),
    ])
    await expect(migrate(database.directUrl)).rejects.toThrow(/search_path of this database user/)
    await db.execute(sql.raw(`drop schema ${quoted} cascade; drop schema drizzle cascade`))
  })
})

test('a schema that is renamed is put right by the next migrate', async () => {
  const { directUrl } = database
  await migrate(directUrl)
  await withDb(directUrl, (db) => db.execute(sql`alter schema public rename to shop`))
  const url = urlAs(new URL(directUrl).username, '-c search_path=shop')
  const admin = new URL(url)
  admin.password = new URL(directUrl).password
  await migrate(admin.href)
  await withDb(admin.href, async (db) => {
    await writeOrder(db, 'renamed')
    expect(await recordedOf(db, 'renamed')).toEqual([{ messages: 2, changes: 1 }])
  })
})

test('a search path without a schema is told in words', async () => {
  await withDb(database.directUrl, (db) => db.execute(sql`drop schema if exists drizzle cascade`))
  await expect(migrate(urlAs(owner, '-c search_path=nowhere'))).rejects.toThrow(
    'No schema of the search_path of this database user exists.',
  )
})

test('a user who may not create is told in words', async () => {
  const name = new URL(database.directUrl).pathname.slice(1)
  await database.db.execute(sql.raw(`revoke create on database ${name} from ${owner}`))
  await expect(migrate(urlAs(owner, '-c search_path=shop'))).rejects.toThrow(
    /The user of DATABASE_URL lacks a right that this takes: permission denied .* Run storefeed migrate as the owner/,
  )
})

test.each([
  ['SQL_ASCII', `encoding 'SQL_ASCII' locale 'C'`],
  ['LATIN1', `encoding 'LATIN1' locale 'C'`],
])('a database of the encoding %s is refused in words', async (encoding, settings) => {
  const name = `${new URL(database.directUrl).pathname.slice(1)}_${encoding.toLowerCase()}`
  await database.db.execute(sql.raw(`create database ${name} template template0 ${settings}`))
  const url = new URL(database.directUrl)
  url.pathname = `/${name}`
  try {
    await expect(migrate(url.href)).rejects.toThrow(
      `The database has the encoding ${encoding}, which cannot hold every text.`,
    )
    expect(await withDb(url.href, readDatabaseProblems)).toEqual([
      expect.stringContaining(encoding),
    ])
  } finally {
    await database.db.execute(sql.raw(`drop database ${name} with (force)`))
  }
})
