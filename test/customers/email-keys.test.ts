/** An e-mail identifies a customer in the same way whatever the locale of the database, and no order fails over it. */
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CustomerInput } from '../../src/customers/customer-input.ts'
import { resolveCustomers } from '../../src/customers/record-customers.ts'
import { said } from '../../src/customers/said.ts'
import { connect, type Database, type Queryable } from '../../src/db/connection.ts'
import { migrate } from '../../src/db/migrate.ts'
import { checkDatabase } from '../../src/doctor/database-diagnostics.ts'
import { orderInput } from '../../src/orders/order-input.ts'
import { recordOrder } from '../../src/orders/orders.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const locales = [
  ['C', `locale 'C'`],
  ['C.UTF-8', `locale 'C.UTF-8'`],
  ['ICU, Turkish', `locale_provider icu icu_locale 'tr' locale 'C'`],
] as const

let admin: TestDatabase
beforeAll(async () => {
  admin = await createTestDatabase('template0')
})
afterAll(async () => {
  for (const { close } of databases) await close()
  await admin.close()
})

/** A migrated database for each locale. */
const databases: { db: Database; close: () => Promise<void> }[] = []
beforeAll(async () => {
  for (const [, settings] of locales) {
    const url = new URL(admin.directUrl)
    const name = `email_keys_${randomUUID().slice(0, 8)}`
    url.pathname = `/${name}`
    await admin.db.execute(
      sql.raw(`create database ${name} template template0 encoding 'UTF8' ${settings}`),
    )
    await migrate(url.href)
    const { db, close } = connect(url.href, { max: 2 })
    databases.push({
      db,
      close: async () => {
        await close()
        await admin.db.execute(sql.raw(`drop database ${name} with (force)`))
      },
    })
  }
})

/** The one of a locale. */
function databaseOf(locale: string): Database {
  const found = databases[locales.findIndex(([name]) => name === locale)]
  if (!found) throw new Error(`no database of locale ${locale}`)
  return found.db
}

let count = 0

const buy = (db: Database, id: string, email: string) =>
  recordOrder(db, orderInput.parse({ id, total: 1, customer: { email } }), { currency: 'USD' })

const space = fc.constantFrom('', ' ', '\t', '\u00a0', '\u3000', '\ufeff', '\u2028')
const letter = fc.oneof(
  fc.constantFrom(...'aAİiIıßẞσΣςäÄœŒÅåKſжЖǅꭰᏸ𐐀𐐨ﬁŉΐᾳ'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
)
const local = fc
  .array(letter, { minLength: 1, maxLength: 6 })
  .map((letters) => letters.join(''))
  .filter((text) => said(text) !== null && !/[\0\p{Cs}]/u.test(text))

/** The same e-mail as people type it. */
const written = (email: string) =>
  fc
    .tuple(
      space,
      fc.constantFrom(email, email.toLowerCase(), email.toUpperCase(), email.normalize('NFC')),
      space,
    )
    .map((parts) => parts.join(''))

const idOf = async (db: Queryable, customer: CustomerInput) =>
  (await resolveCustomers(db, [{ customer, position: 0, at: undefined }]))[0]?.id

describe.each(locales)('in a database of locale %s', (locale) => {
  test.each([
    ['MÜLLER@klaviyo-demo.com', 'müller@klaviyo-demo.com', true],
    ['İPEK@klaviyo-demo.com', 'İPEK@klaviyo-demo.com', true],
    ['İZMİR@klaviyo-demo.com', 'izmir@klaviyo-demo.com', true],
    ['KIZ@klaviyo-demo.com', 'kiz@klaviyo-demo.com', true],
    ['KIZ2@klaviyo-demo.com', 'kız2@klaviyo-demo.com', false],
    ['ΟΔΟΣ@klaviyo-demo.com', 'οδος@klaviyo-demo.com', true],
    ['ΟΔΟΣ1@klaviyo-demo.com', 'οδοσ1@klaviyo-demo.com', true],
    ['STRAẞE@klaviyo-demo.com', 'straße@klaviyo-demo.com', true],
    ['STRASSE@klaviyo-demo.com', 'straße@klaviyo-demo.com', false],
    ['ЖУК@klaviyo-demo.com', 'жук@klaviyo-demo.com', true],
    [' plain@klaviyo-demo.com', 'PLAIN@klaviyo-demo.com\u00a0', true],
  ])('%j and %j: the same customer: %s', async (one, other, same) => {
    const db = databaseOf(locale)
    const ids: unknown[] = []
    for (const email of [one, other, one, other])
      ids.push((await buy(db, `o${++count}`, email)).order.customer_id)
    expect(ids[2]).toBe(ids[0])
    expect(ids[3]).toBe(ids[1])
    expect(ids[1] === ids[0]).toBe(same)
  })

  test('any e-mail orders again as the same customer, also in other case', async () => {
    const db = databaseOf(locale)
    const pairs = local.chain((text) => fc.tuple(fc.constant(text), written(text)))
    await fc.assert(
      fc.asyncProperty(pairs, async ([email, again]) => {
        const [keys] = await db.execute<{ same: boolean; stable: boolean }>(sql`
          select email_key(${email}) = email_key(${again}) as same,
            email_key(email_key(${email})) = email_key(${email}) as stable`)
        const [first, second, third] = await db.transaction(async (tx) => [
          await idOf(tx, { email }),
          await idOf(tx, { email: again }),
          await idOf(tx, { email }),
        ])
        expect(third).toBe(first)
        expect([second === first, keys?.stable]).toEqual([keys?.same, true])
      }),
      { numRuns: 60 },
    )
  })

  test('plain SQL and REST find the same customer; blank e-mails identify nobody', async () => {
    const db = databaseOf(locale)
    await db.execute(sql`
      insert into customers (id, email) values ('sql', ' ÅSA@klaviyo-demo.com '), ('b1', ''), ('b2', ' '), ('b3', ${'\u00a0'})`)
    expect((await buy(db, 'sql-1', 'åsa@klaviyo-demo.com')).order.customer_id).toBe('sql')
    await expect(
      db.execute(sql`insert into customers (id, email) values ('twin', 'Åsa@klaviyo-demo.com')`),
    ).rejects.toMatchObject({ code: '23505' })
  })
})

test('the key is the same in every locale', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'binary' })), async (texts) => {
      const emails = texts.map((text) => text.replaceAll(/[\0\p{Cs}]/gu, ''))
      const keys = await Promise.all(databases.map(({ db }) => keysOf(db, emails)))
      for (const key of keys) expect(key).toEqual(keys[0])
    }),
    { numRuns: 50 },
  )
})

test('trimming is that of JavaScript, and lower case too except for İ and ς', async () => {
  // Latin, Greek, Cyrillic and all white space: what every version of Node knows.
  const from = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index))
  const letters = [...from(1, 0x587), ...from(0x1680, 0x1680), ...from(0x1e00, 0x24ff)]
  letters.push('\u180e', '\u3000', '\ufeff', '\ufffd')
  const keys = await keysOf(databaseOf('C'), letters)
  const exceptions: Record<string, string> = { İ: 'i', ς: 'σ' }
  const wrong = letters.filter((letter, index) => {
    const lower = [...letter.toLowerCase()].length === 1 ? letter.toLowerCase() : letter
    return (keys[index] ?? '') !== (exceptions[letter] ?? lower).trim()
  })
  expect(wrong).toEqual([])
})

async function keysOf(db: Database, emails: string[]): Promise<(string | null)[]> {
  const [row] = await db.execute<{ keys: (string | null)[] }>(sql`
    select coalesce(json_agg(email_key(email) order by position), '[]') as keys
    from jsonb_array_elements_text(${JSON.stringify(emails)}::jsonb) with ordinality as given(email, position)`)
  return row?.keys ?? []
}

test('customers who differed by case alone before stay, each is found by id, and the doctor names them', async () => {
  const { db } = await createTestDatabase().then((made) => {
    databases.push(made)
    return made
  })
  const index = 'customers_email on customers (email_key(email))'
  await db.execute(sql`drop index customers_email`)
  await db.execute(sql`
    insert into customers (id, email, created_at) values
      ('one', 'ÄNNE@klaviyo-demo.com', '2025-01-01'), ('two', 'änne@klaviyo-demo.com', '2025-01-02')`)
  const page = await readFile(
    new URL('../../migrations/0008_email_key.sql', import.meta.url),
    'utf8',
  )
  const step = /^DO \$\$.*?^END \$\$;/ms.exec(page)?.[0] ?? ''
  await db.execute(sql.raw(step))
  const of = (id: string | undefined) =>
    db.transaction((tx) => idOf(tx, { id, email: 'ÄNNE@klaviyo-demo.com' }))
  expect([await of(undefined), await of('one'), await of('two')]).toEqual(['one', 'one', 'two'])
  expect(await checkDatabase(db)).toContainEqual(
    expect.objectContaining({
      level: 'warning',
      message: 'Customers share an e-mail: 2, such as "one" and "two".',
    }),
  )
  await db.execute(sql`delete from customers where id = 'two'`)
  await db.execute(sql.raw(`drop index customers_email; create unique index ${index}`))
  const diagnostics = await checkDatabase(db)
  expect(diagnostics.filter(({ level }) => level !== 'ok')).toEqual([])
})
