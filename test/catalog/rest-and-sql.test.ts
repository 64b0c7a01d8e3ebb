/** REST and plain SQL agree on which ids are valid, whatever the locale of the database, and no id that REST accepts fails. */
import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Connection, connect } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import { id, title } from '../../src/lib/fields.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let admin: TestDatabase
const databases: (Connection & { name: string })[] = []

beforeAll(async () => {
  admin = await createTestDatabase('template0')
  for (const locale of ['C', 'C.UTF-8']) {
    const url = new URL(admin.directUrl)
    const name = `rest_and_sql_${randomUUID().slice(0, 8)}`
    url.pathname = `/${name}`
    await admin.db.execute(
      sql.raw(`create database ${name} template template0 encoding 'UTF8' locale '${locale}'`),
    )
    await migrate(url.href)
    databases.push({ name, ...connect(url.href, { max: 1 }) })
  }
})
afterAll(async () => {
  for (const { name, close } of databases) {
    await close()
    await admin.db.execute(sql.raw(`drop database ${name} with (force)`))
  }
  await admin.close()
})

/** Whether each text passes the CHECK, asked of the constraint as it stands in the database. */
async function accepted(
  { db }: Connection,
  constraint: string,
  column: string,
  texts: string[],
): Promise<boolean[]> {
  const [check] = await db.execute<{ rule: string }>(
    sql`select pg_get_expr(conbin, conrelid) as rule from pg_constraint where conname = ${constraint}`,
  )
  const [row] = await db.execute<{ passed: boolean[] }>(sql`
    select coalesce(json_agg(${sql.raw(check?.rule ?? '')} order by position), '[]') as passed
    from jsonb_array_elements_text(${JSON.stringify(texts)}::jsonb) with ordinality as given(${sql.raw(column)}, position)`)
  return row?.passed ?? []
}

const storable = (text: string) => !/[\0\p{Cs}]/u.test(text)

const codePoints = Array.from({ length: 0x3100 }, (_, index) => String.fromCodePoint(index))
const special = [...codePoints, '\ufeff', '\ufffd', '\ufffe', '\uffff', '🙂', '\u{10ffff}'].filter(
  storable,
)

const texts = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...special), { maxLength: 4 }).map((letters) => letters.join('')),
    fc.constantFrom('x'.repeat(255), 'x'.repeat(256), '🙂'.repeat(255), '🙂'.repeat(256)),
    fc.constantFrom(`${'x'.repeat(254)}🙂`, `${'x'.repeat(255)}🙂`, 'e\u0301'.repeat(128), ''),
  )
  .filter(storable)

test('an id is valid in REST exactly if it is in SQL', async () => {
  const around = special.flatMap((character) => [character, `a${character}b`, `${character}a`])
  const drawn = fc.sample(texts, 3_000)
  const given = [...around, ...special.map((character) => `a${character}`), ...drawn]
  const rest = given.map((text) => id.safeParse(text).success)
  for (const database of databases) {
    const inSql = await accepted(database, 'products_id_valid', 'id', given)
    expect(given.filter((_, index) => rest[index] !== inSql[index])).toEqual([])
  }
})

test('a title that REST accepts is valid in SQL', async () => {
  const given = [...special, ...fc.sample(texts, 3_000)]
  for (const database of databases) {
    const inSql = await accepted(database, 'products_title_not_blank', 'title', given)
    const refused = given.filter((text, index) => title.safeParse(text).success && !inSql[index])
    expect(refused).toEqual([])
  }
})

test('ids have one order: that of SQL, by code point, in every locale', async () => {
  const given = [...new Set(['a', 'B', 'ä', 'Z', '\uffee', '🙂', 'a-b', 'ab', '_', '1', '10', '9'])]
  const orders = []
  for (const { db } of databases) {
    await db.execute(sql`
      insert into products (id, title) select id, 'x' from jsonb_array_elements_text(${JSON.stringify(given)}::jsonb) as given(id)`)
    const rows = await db.execute<{ id: string }>(sql`select id from products order by id`)
    orders.push(rows.map((row) => row.id))
  }
  const byCodePoint = [...given].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  expect(orders).toEqual([byCodePoint, byCodePoint])
})
