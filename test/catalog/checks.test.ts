/** Plain SQL obeys the rules of the catalog too. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gtin as gtinOfRest, id as idOfRest } from '../../src/lib/fields.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())

/** The constraint that rejects the row, or the code of the error; undefined when the row is taken. */
async function violationOf(
  table: string,
  row: Record<string, unknown>,
): Promise<string | undefined> {
  const full = JSON.stringify({ id: 'x', title: 'x', ...row })
  const columns = sql.raw(['id', 'title', ...Object.keys(row)].filter(isFirst).join(', '))
  const name = sql.identifier(table)
  try {
    await database.db.transaction(async (tx) => {
      await tx.execute(
        sql`insert into ${name} (${columns}) select ${columns} from jsonb_populate_record(null::${name}, ${full}::jsonb)`,
      )
      throw new Error('only tried')
    })
  } catch (error) {
    const { constraint, code } = error as Record<string, string | undefined>
    return constraint ?? code
  }
  return undefined
}

const isFirst = <T>(one: T, place: number, all: T[]) => all.indexOf(one) === place

test.each([
  [{ id: '' }, 'products_id_valid'],
  [{ id: 'a,b' }, 'products_id_valid'],
  [{ id: ' a' }, 'products_id_valid'],
  [{ id: 'a\n' }, 'products_id_valid'],
  [{ id: 'x'.repeat(256) }, 'products_id_valid'],
  [{ title: ' \t' }, 'products_title_not_blank'],
  [{ title: null }, '23502'],
  [{ price: -0.01 }, 'products_price_not_negative'],
  [{ price: 'NaN' }, 'products_price_not_negative'],
  [{ price: 'Infinity' }, '22003'],
  [{ gtin: '4006381333932' }, 'products_gtin_valid'],
  [{ gtin: '40063813339' }, 'products_gtin_valid'],
  [{ gtin: ' 96385074' }, 'products_gtin_valid'],
  [{ gtin: '' }, 'products_gtin_valid'],
  [{ inventory_quantity: 'NaN' }, 'products_inventory_quantity_finite'],
  [{ inventory_policy: 3 }, 'products_inventory_policy_known'],
  [{ categories: ['a', null] }, 'products_categories_no_null'],
  [{ categories: null }, '23502'],
  [{ metadata: [] }, 'products_metadata_flat'],
  [{ metadata: 'text' }, 'products_metadata_flat'],
  [{ metadata: { deep: {} } }, 'products_metadata_flat'],
  [{ metadata: { list: [1] } }, 'products_metadata_flat'],
  [{ metadata: { none: null } }, 'products_metadata_flat'],
  [{ metadata: { 'no-dash': 1 } }, 'products_metadata_flat'],
  [{ metadata: { '': 1 } }, 'products_metadata_flat'],
  [{ metadata: { title: 'taken' } }, 'products_metadata_flat'],
  [{ metadata: { huge: 1e301 } }, 'products_metadata_flat'],
])('a product %j is rejected by %s', async (row, constraint) => {
  expect(await violationOf('products', row)).toBe(constraint)
})

test.each([
  [{ id: 'a,b' }, 'stores_id_valid'],
  [{ title: '' }, 'stores_title_not_blank'],
  [{ country_code: 'us' }, 'stores_country_code_valid'],
  [{ latitude: 90.5 }, 'stores_latitude_valid'],
  [{ longitude: 'NaN' }, 'stores_longitude_valid'],
  [{ categories: [null] }, 'stores_categories_no_null'],
  [{ metadata: { city: 'taken' } }, 'stores_metadata_flat'],
])('a store %j is rejected by %s', async (row, constraint) => {
  expect(await violationOf('stores', row)).toBe(constraint)
})

test('what is allowed goes in', async () => {
  const metadata = { title_2: 'x', n: -1e300, yes: true, empty: '' }
  expect(await violationOf('products', { price: 0, categories: [], metadata })).toBeUndefined()
  const store = { latitude: -90, longitude: 180, country_code: 'US' }
  expect(await violationOf('stores', store)).toBeUndefined()
})

test('of every character, REST and the database say the same about an id', async () => {
  const characters = Array.from({ length: 0x10000 }, (_, code) => code)
    .filter((code) => code > 0 && (code < 0xd800 || code > 0xdfff))
    .concat(0x1f642, 0x1ffff, 0x10ffff)
    .map((code) => String.fromCodePoint(code))
  const ids = characters.flatMap((one) => [`${one}a`, `a${one}`, `a${one}a`])
  const rows = await database.db.execute<{ definition: string }>(sql`
    select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'products_id_valid'`)
  const rule = sql.raw((rows[0]?.definition ?? '').replace(/^CHECK /, ''))
  const allowed = await database.db.execute<{ id: string }>(sql`
    select id from (select value collate "C" as id from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb)) given
    where ${rule}`)
  const byDatabase = new Set(allowed.map((row) => row.id))
  const differing = ids.filter((id) => idOfRest.safeParse(id).success !== byDatabase.has(id))
  expect(differing).toEqual([])
  expect(byDatabase.size).toBeGreaterThan(180_000)
})

test('of every last digit, REST and the database say the same about a GTIN', async () => {
  const starts = [
    '9638507',
    '03600029145',
    '400638133393',
    '1061414100041',
    '0000000',
    '99999999999',
  ]
  const gtins = starts.flatMap((start) => Array.from({ length: 10 }, (_, digit) => start + digit))
  for (const gtin of gtins) {
    const isTaken = (await violationOf('products', { gtin })) === undefined
    expect([gtin, isTaken]).toEqual([gtin, gtinOfRest.safeParse(gtin).success])
  }
})
