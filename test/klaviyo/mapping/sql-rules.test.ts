/** What SQL and JavaScript decide alike. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { currencyDecimals } from '../../../src/config.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

test('a currency has as many decimals in SQL as in JavaScript', async () => {
  const currencies = Intl.supportedValuesOf('currency')
  const rows = await database.db.execute<{ currency: string; decimals: number }>(sql`
    select currency, currency_decimals(currency) as decimals
    from jsonb_array_elements_text(${JSON.stringify(currencies)}::jsonb) as currency`)
  expect(rows).toEqual(
    currencies.map((currency) => ({ currency, decimals: Math.min(4, currencyDecimals(currency)) })),
  )
})

test('a text is blank in SQL as in JavaScript', async () => {
  const spaces = Array.from({ length: 0xffff }, (_, code) => String.fromCharCode(code + 1)).filter(
    (character) => character.trim() === '' || /\s/.test(character),
  )
  expect(spaces.length).toBeGreaterThan(20)
  const texts = [
    ...spaces,
    spaces.join(''),
    ...spaces.map((space) => `${space}a b${space}`),
    '\u200b',
  ]
  const rows = await database.db.execute<{ text: string | null }>(sql`
    select text_or_null(given) as text
    from jsonb_array_elements_text(${JSON.stringify(texts)}::jsonb) as given`)
  expect(rows.map(({ text }) => text)).toEqual(texts.map((text) => text.trim() || null))
})

test.each(['', ' ', '\t', '\u00a0 '])('a blank SKU %j is no part of an event’s id', async (sku) => {
  await database.db.execute(sql`truncate orders cascade`)
  await database.db.execute(sql`truncate outbox`)
  await database.db.transaction(async (tx) => {
    await tx.execute(sql`insert into orders (id, currency, total) values ('o1', 'USD', 1)`)
    await tx.execute(
      sql`insert into order_items (order_id, line, product_id, sku) values ('o1', 1, 'p1', ${sku})`,
    )
  })
  expect(
    await database.db.execute(sql`select unique_id from outbox where metric = 'ordered_product'`),
  ).toEqual([{ unique_id: 'o1_p1' }])
})
