/** Imports that are stopped, killed, or run at the same time as other writers. */
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type ImportResult, importFile } from '../../src/import-export/import-file.ts'
import { importKinds } from '../../src/import-export/import-kinds.ts'
import { openInput } from '../../src/import-export/input-file.ts'
import { plainMapping } from '../../src/import-export/mapping.ts'
import { checkFile } from '../../src/import-export/read-records.ts'
import { orderInput } from '../../src/orders/order-input.ts'
import { recordOrder } from '../../src/orders/orders.ts'
import { start } from '../cli/command-line.ts'
import { until } from '../feeds/until.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.close())
afterEach(async () => {
  await database.db.execute(sql`truncate customers, orders, outbox cascade`)
})

const customers = 40

/** Customers come again and again, so batches and imports have them in common. */
const order = (index: number) => ({
  id: `o${index}`,
  placed_at: '2024-03-01T10:00:00Z',
  total: 3,
  customer: {
    id: `c${index % customers}`,
    email: `c${index % customers}@klaviyo-demo.com`,
    first_name: `Name ${index % 3}`,
  },
  items: [
    { product_id: 'p1', item_price: 1 },
    { product_id: 'p2', item_price: 2 },
  ],
})

async function withFile<T>(records: object[], work: (path: string) => Promise<T>): Promise<T> {
  const path = join(tmpdir(), `orders-${process.pid}-${records.length}-${Math.random()}.ndjson`)
  await writeFile(path, records.map((record) => JSON.stringify(record)).join('\n'))
  try {
    return await work(path)
  } finally {
    await rm(path, { force: true })
  }
}

const many = (count: number) => Array.from({ length: count }, (_, index) => order(index))

async function importOrders(
  path: string,
  { signal, progress = () => undefined }: { signal?: AbortSignal; progress?: () => void } = {},
): Promise<ImportResult> {
  const kind = importKinds.find(({ name }) => name === 'orders')
  if (!kind) throw new Error('there is no kind of orders')
  const input = await openInput(path)
  try {
    const mapping = plainMapping('USD')
    const file = await checkFile(input, kind, { mapping }, () => undefined)
    return await importFile(file, {
      db: database.db,
      kind,
      merge: false,
      settings: { currency: 'USD', dryRun: false },
      reject: async () => undefined,
      progress,
      ...(signal && { signal }),
    })
  } finally {
    await input.close()
  }
}

/** Orders, and those of them without all their items and messages. */
async function state(): Promise<{ orders: number; half: number }> {
  const [found] = await database.db.execute<{ orders: number; half: number }>(sql`
    select count(*)::int as orders, count(*) filter (where
      (select count(*) from order_items where order_id = o.id) <> 2
      or (select count(*) from outbox where order_id = o.id) <> 3)::int as half
    from orders o`)
  if (!found) throw new Error('nothing was counted')
  return found
}

test('an import that is aborted finishes its batch, counts it, and is completed by another', () =>
  withFile(many(2_000), async (path) => {
    const abort = new AbortController()
    const stopped = await importOrders(path, {
      signal: abort.signal,
      progress: () => abort.abort(),
    })
    expect(stopped.created).toBeGreaterThan(0)
    expect(stopped.created).toBeLessThan(2_000)
    expect(await state()).toEqual({ orders: stopped.created, half: 0 })
    const again = await importOrders(path)
    expect(again).toMatchObject({ created: 2_000 - stopped.created, unchanged: stopped.created })
    expect(await state()).toEqual({ orders: 2_000, half: 0 })
  }))

test('an import that is aborted before it begins writes nothing', () =>
  withFile(many(10), async (path) => {
    expect(await importOrders(path, { signal: AbortSignal.abort() })).toMatchObject({ created: 0 })
    expect(await state()).toEqual({ orders: 0, half: 0 })
  }))

test(
  'an import that is killed leaves whole orders, and is completed by another',
  {
    timeout: 240_000,
  },
  () =>
    withFile(many(6_000), async (path) => {
      const running = start(['import', path, '--kind', 'orders'], { DATABASE_URL: database.url })
      await until(state, ({ orders }) => orders > 0)
      await running.end('SIGKILL')
      const { orders, half } = await state()
      expect(half).toBe(0)
      const again = await importOrders(path)
      expect(again.created + again.unchanged).toBe(6_000)
      expect(again.unchanged).toBeGreaterThanOrEqual(orders)
      expect(await state()).toEqual({ orders: 6_000, half: 0 })
    }),
)

test(
  'two imports of the same orders in opposite order, beside a till, record each once',
  {
    timeout: 240_000,
  },
  () =>
    withFile(many(1_500), (forwards) =>
      withFile(many(1_500).reverse(), async (backwards) => {
        const till = async () => {
          for (let index = 0; index < 1_500; index += 50)
            await recordOrder(database.db, orderInput.parse(order(index)), { currency: 'USD' })
        }
        const [one, other] = await Promise.all([
          importOrders(forwards),
          importOrders(backwards),
          till(),
        ])
        expect([one.rejected, other.rejected]).toEqual([0, 0])
        expect(one.created + other.created).toBeGreaterThan(0)
        expect(await state()).toEqual({ orders: 1_500, half: 0 })
        const found = await database.db.execute(sql`select id from customers`)
        expect(found).toHaveLength(customers)
      }),
    ),
)

test('a row that the database rejects costs itself only', async () => {
  await database.db.execute(
    sql`alter table orders add constraint not_o7 check (id <> 'o7') not valid`,
  )
  try {
    await withFile(many(30), async (path) => {
      expect(await importOrders(path)).toMatchObject({ created: 29, rejected: 1 })
      expect(await state()).toEqual({ orders: 29, half: 0 })
    })
  } finally {
    await database.db.execute(sql`alter table orders drop constraint not_o7`)
  }
})
