import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { openClient } from '../support/postgres-client.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
beforeEach(async () => {
  await database.db.execute(
    sql`truncate orders, customers, order_items, order_updates, visits, outbox, outbox_requeues`,
  )
})

async function order(id: string, ...skus: string[]): Promise<void> {
  await database.db.execute(sql`insert into orders (id, currency, total) values (${id}, 'USD', 1)`)
  if (skus.length === 0) return
  await database.db.execute(sql`insert into order_items (order_id, line, product_id, sku)
    select ${id}, ordinality, 'p', sku from jsonb_array_elements_text(${JSON.stringify(skus)}::jsonb) with ordinality as skus(sku)`)
}

async function uniqueIds(orderId: string): Promise<string[]> {
  const rows = await database.db.execute<{ unique_id: string }>(
    sql`select unique_id from outbox where order_id = ${orderId} order by id`,
  )
  return rows.map(({ unique_id }) => unique_id)
}

describe('ids of messages', () => {
  test('of two lines of one SKU the first has the plain id, the second its line too', async () => {
    await order('o1', 'S', 'S')
    expect(await uniqueIds('o1')).toEqual(['o1', 'o1_S', 'o1_S_2'])
  })

  test('a line without a SKU is named by its product', async () => {
    await order('o1', '', '')
    expect(await uniqueIds('o1')).toEqual(['o1', 'o1_p', 'o1_p_2'])
  })

  test('of several refunds the first has the plain id, each other its own too', async () => {
    await order('o1')
    for (const id of ['r1', 'r2'])
      await database.db.execute(
        sql`insert into order_updates (order_id, kind, id) values ('o1', 'refunded', ${id})`,
      )
    expect(await uniqueIds('o1')).toEqual(['o1', 'o1', 'o1_r2'])
  })

  test('a plain id that another order’s line has already gets the line too', async () => {
    await order('a', 'b_c')
    await order('a_b', 'c')
    expect(await uniqueIds('a')).toEqual(['a', 'a_b_c'])
    expect(await uniqueIds('a_b')).toEqual(['a_b', 'a_b_c_1'])
  })

  test('when that is taken as well, the id is still one of its own', async () => {
    await order('a', 'b_c', 'b_c_1')
    await order('a_b', 'c')
    expect(await uniqueIds('a')).toEqual(['a', 'a_b_c', 'a_b_c_1'])
    expect(await uniqueIds('a_b')).toEqual(['a_b', expect.stringMatching(/^a_b_c_1_[0-9a-f]{32}$/)])
  })

  test('a SKU that looks like another line’s id costs no order', async () => {
    await order('o1', 'S', 'S', 'S_2')
    expect(await uniqueIds('o1')).toEqual([
      'o1',
      'o1_S',
      expect.stringMatching(/^o1_S_2_[0-9a-f]{32}$/),
      'o1_S_2',
    ])
  })

  test('updates of two orders that come to the same id are both written', async () => {
    await order('a')
    await order('a_b')
    await database.db.execute(sql`insert into order_updates (order_id, kind, id, occurred_at) values
      ('a', 'refunded', 'r', '2025-01-01T10:00:00Z'), ('a', 'refunded', 'b_c', '2025-01-01T11:00:00Z'),
      ('a_b', 'refunded', 'r', '2025-01-01T10:00:00Z'), ('a_b', 'refunded', 'c', '2025-01-01T11:00:00Z')`)
    expect(await uniqueIds('a')).toEqual(['a', 'a', 'a_b_c'])
    expect(await uniqueIds('a_b')).toEqual([
      'a_b',
      'a_b',
      expect.stringMatching(/^a_b_c_[0-9a-f]{32}$/),
    ])
  })

  test('an id longer than Klaviyo takes is cut to 255 characters, and no two are cut to the same', async () => {
    const long = 'x'.repeat(250)
    await order(long, `${'y'.repeat(100)}1`, `${'y'.repeat(100)}2`)
    const ids = await uniqueIds(long)
    expect(ids.map(({ length }) => length)).toEqual([250, 255, 255])
    expect(new Set(ids).size).toBe(3)
  })
})

test('who adds to an order waits for whoever else does, so that neither’s message is lost or rejected', async () => {
  await order('o1')
  const refund = (id: string) =>
    `insert into order_updates (order_id, kind, id) values ('o1', 'refunded', '${id}')`
  const [first, second] = await Promise.all([
    openClient(database.directUrl),
    openClient(database.directUrl),
  ])
  try {
    await first.query('begin')
    await first.query(refund('r1'))
    const adding = second.query(refund('r2'))
    await expect
      .poll(() =>
        database.db.execute(
          sql`select from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()`,
        ),
      )
      .toHaveLength(1)
    await first.query('commit')
    await adding
  } finally {
    await Promise.all([first.end(), second.end()])
  }
  expect(await uniqueIds('o1')).toEqual(['o1', 'o1', 'o1_r2'])
})

describe('the most recent store', () => {
  const times = ['2025-03-01T10:00:00Z', '2025-01-01T10:00:00Z', '2025-02-01T10:00:00Z']

  beforeEach(async () => {
    await database.db.execute(sql`insert into customers (id) values ('c1'), ('c2')`)
  })

  async function mostRecentStore(customerId: string): Promise<unknown> {
    const [row] = await database.db.execute(sql`
      select most_recent_store_id as store, to_json(most_recent_store_at at time zone 'UTC') #>> '{}' as at
      from customers where id = ${customerId}`)
    return row
  }

  const newest = { store: 's2025-03-01T10:00:00Z', at: '2025-03-01T10:00:00' }

  test.each([
    ['first', times],
    ['last', times.toReversed()],
  ])(
    'is that of the newest of several visits in one statement, where it stands %s',
    async (_, order) => {
      await database.db.execute(sql`insert into visits (customer_id, store_id, at)
      select 'c1', 's' || at, at::timestamptz from jsonb_array_elements_text(${JSON.stringify(order)}::jsonb) as at`)
      expect(await mostRecentStore('c1')).toEqual(newest)
    },
  )

  test('is that of the newest of several orders in one statement', async () => {
    await database.db.execute(sql`insert into orders (id, customer_id, store_id, placed_at, currency, total)
      select 'o' || at, 'c1', 's' || at, at::timestamptz, 'USD', 1 from jsonb_array_elements_text(${JSON.stringify(times)}::jsonb) as at`)
    expect(await mostRecentStore('c1')).toEqual(newest)
  })

  test('follows an order that is given to another customer', async () => {
    await database.db.execute(sql`insert into orders (id, customer_id, store_id, placed_at, currency, total)
      values ('o1', 'c1', 's1', '2025-01-01T10:00:00Z', 'USD', 1)`)
    await database.db.execute(sql`update orders set customer_id = 'c2' where id = 'o1'`)
    expect(await mostRecentStore('c2')).toEqual({ store: 's1', at: '2025-01-01T10:00:00' })
  })

  test('follows an order whose store or time is corrected', async () => {
    await database.db.execute(sql`insert into orders (id, customer_id, placed_at, currency, total)
      values ('o1', 'c1', '2025-01-01T10:00:00Z', 'USD', 1)`)
    expect(await mostRecentStore('c1')).toEqual({ store: null, at: null })
    await database.db.execute(sql`update orders set store_id = 's1' where id = 'o1'`)
    expect(await mostRecentStore('c1')).toEqual({ store: 's1', at: '2025-01-01T10:00:00' })
    await database.db.execute(sql`update orders set placed_at = '2025-02-01T10:00:00Z'`)
    expect(await mostRecentStore('c1')).toEqual({ store: 's1', at: '2025-02-01T10:00:00' })
  })

  test('stays with a customer whose id is changed, and their orders go on keeping it', async () => {
    await database.db.execute(sql`insert into orders (id, customer_id, store_id, placed_at, currency, total)
      values ('o1', 'c1', 's1', '2025-01-01T10:00:00Z', 'USD', 1)`)
    await database.db.execute(sql`update customers set id = 'c3' where id = 'c1'`)
    expect(await mostRecentStore('c3')).toEqual({ store: 's1', at: '2025-01-01T10:00:00' })
    await database.db.execute(sql`update orders set placed_at = '2025-02-01T10:00:00Z'`)
    expect(await mostRecentStore('c3')).toEqual({ store: 's1', at: '2025-02-01T10:00:00' })
  })
})
