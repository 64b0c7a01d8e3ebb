/** Each test file gets a database of its own. */
import { sql } from 'drizzle-orm'
import { expect, test } from 'vitest'
import { createTestDatabase } from './database.ts'

test('a test database has the tables and none of the rows of another', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()])
  try {
    await one.db.execute(sql`create table mark (id int)`)
    const tables = await other.db.execute(sql`
      select to_regclass('products')::text as products, to_regclass('mark')::text as mark`)
    expect([...tables]).toEqual([{ products: 'products', mark: null }])
  } finally {
    await Promise.all([one.close(), other.close()])
  }
})
