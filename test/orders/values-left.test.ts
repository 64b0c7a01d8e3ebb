/** What an update is worth: what is left of its lines, or of the order, for its kind. */
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importKinds } from '../../src/import-export/import-kinds.ts'
import { loadOrders } from '../../src/klaviyo/mapping/load-records.ts'
import { createRig } from '../klaviyo/rig.ts'
import { heldTogether } from '../support/lock-waits.ts'
import { type Answer, startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

type Line = { quantity?: number; row_total: number }

function order(id: string, total: number, lines: Line[]): Promise<Answer> {
  const items = lines.map((line) => ({ product_name: 'Thing', ...line }))
  return server.ask('PUT', `/v1/orders/${id}`, { total, customer: { id: 'c1' }, items })
}

const refund = (orderId: string, body: object) =>
  server.ask('POST', `/v1/orders/${orderId}/refunds`, body)

const worthOf = async (answer: Promise<Answer>) => {
  const { body } = await answer
  return Object(body).value
}

test('one line of $15 refunded of $50, the rest is worth 35, then nothing', async () => {
  await order('rest', 50, [{ row_total: 15 }, { row_total: 35 }])
  expect(await worthOf(refund('rest', { id: 'r1', items: [{ line: 1 }] }))).toBe(15)
  expect(await worthOf(refund('rest', { id: 'r2' }))).toBe(35)
  expect(await worthOf(refund('rest', { id: 'r3' }))).toBe(0)
})

test('each kind has sums of its own: the same order can be cancelled and refunded whole', async () => {
  await order('kinds', 50, [])
  for (const path of ['fulfillments', 'cancellations', 'refunds'])
    expect(await worthOf(server.ask('POST', `/v1/orders/kinds/${path}`, { id: '1' }))).toBe(50)
})

test('by REST a value beyond what is left of the order or of its lines is rejected, naming the rest', async () => {
  await order('beyond', 50, [{ row_total: 15 }, { row_total: 35 }])
  await refund('beyond', { id: 'r1', value: 20 })
  const whole = await refund('beyond', { id: 'r2', value: 30.01 })
  expect(whole.status).toBe(422)
  expect(whole.body).toMatchObject({
    errors: [{ field: 'value', detail: 'only 30 USD of the order is left, got 30.01' }],
  })
  const line = await refund('beyond', { id: 'r3', value: 16, items: [{ line: 1 }] })
  expect(line.body).toMatchObject({
    errors: [{ field: 'value', detail: 'only 15 USD of these lines is left, got 16' }],
  })
  expect((await refund('beyond', { id: 'r4', value: 30 })).status).toBe(201)
})

test('tax and shipping may be refunded with a line', async () => {
  await order('tax', 110, [{ row_total: 100 }])
  expect((await refund('tax', { id: 'r1', value: 110, items: [{ line: 1 }] })).status).toBe(201)
})

test('a discounted order is not refunded beyond what was paid for it', async () => {
  await order('discount', 40, [{ row_total: 50 }])
  expect(await worthOf(refund('discount', { id: 'r1', items: [{ line: 1 }] }))).toBe(40)
})

test('by SQL and by file a value beyond what is left is recorded, and the message warns', async () => {
  const rig = await createRig()
  try {
    await rig.db.execute(sql`insert into customers (id, email) values ('c', 'c@klaviyo-demo.com')`)
    await rig.db.execute(
      sql`insert into orders (id, customer_id, currency, total) values ('o', 'c', 'USD', 50)`,
    )
    await rig.db.execute(
      sql`insert into order_updates (order_id, kind, id, value) values ('o', 'refunded', 'r1', 60)`,
    )
    const kind = importKinds.find(({ name }) => name === 'order-updates')
    const batch = kind?.startBatch(false)
    batch?.add({ order_id: 'o', kind: 'cancelled', id: 'x1', value: 51 })
    const written = await batch?.write(rig.db, { currency: 'USD', dryRun: false })
    expect(written).toMatchObject({ created: 1, rejected: [] })
    await rig.sendAll()
    const rows = await rig.db.execute<{ warnings: unknown }>(
      sql`select warnings from outbox where metric in ('refunded_order', 'cancelled_order') order by id`,
    )
    const warning = (detail: string) => ({
      warnings: [{ code: 'exceeds_order', field: 'value', detail }],
    })
    expect(rows).toEqual([
      warning('60 USD exceeds what was left by 10'),
      warning('51 USD exceeds what was left by 1'),
    ])
  } finally {
    await rig.close()
  }
})

test('an update written before the lines that it names gets its value with them', async () => {
  const { db } = server.database
  await db.execute(sql`insert into orders (id, currency, total) values ('early', 'USD', 50)`)
  await db.execute(sql`insert into order_updates (order_id, kind, id, items)
    values ('early', 'refunded', 'r1', '[{"line":1,"quantity":1}]')`)
  await db.execute(
    sql`insert into order_items (order_id, line, product_id, quantity, row_total) values ('early', 1, 'p', 2, 30)`,
  )
  const rows = await db.execute(
    sql`select value::float8 as value from order_updates where order_id = 'early'`,
  )
  expect(rows).toEqual([{ value: 15 }])
})

test('two refunds of the rest at once are together worth the order', async () => {
  await order('at-once', 50, [])
  const both = await heldTogether(
    server.database.db,
    sql`lock table order_updates in share mode`,
    ['a', 'b'].map((id) => () => refund('at-once', { id })),
  )
  expect(both.map(({ body }) => Object(body).value).sort()).toEqual([0, 50])
})

test('later updates never change what an earlier one is built with', async () => {
  const { db } = server.database
  await order('built', 10, [{ quantity: 3, row_total: 10 }])
  const values = async () => {
    const [order] = await loadOrders(db, ['built'], { withUpdates: true })
    return order?.updates.map(({ id, value }) => [id, value])
  }
  await refund('built', { id: 'r1', items: [{ line: 1, quantity: 1 }] })
  const before = await values()
  expect(before).toEqual([['r1', 3.33]])
  await refund('built', { id: 'r2', items: [{ line: 1, quantity: 1 }] })
  await refund('built', { id: 'r3', occurred_at: '2020-01-01T00:00:00Z' })
  expect(await values()).toEqual([
    ['r3', 3.34],
    ['r1', 3.33],
    ['r2', 3.33],
  ])
})

test('whatever updates come without values, by SQL, what is sent of a kind exceeds the order only by what is told', async () => {
  const { db } = server.database
  const cents = fc.integer({ min: 1, max: 9_999 })
  const line = fc.record({ quantity: fc.integer({ min: 1, max: 7 }), cents })
  const update = fc.record({
    value: fc.option(fc.integer({ min: 0, max: 300 })),
    items: fc.option(
      fc.array(
        fc.record({
          line: fc.integer({ min: 1, max: 3 }),
          quantity: fc.integer({ min: 1, max: 4 }),
        }),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
    ),
  })
  let count = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 3 }),
      fc.array(update, { maxLength: 8 }),
      fc.integer({ min: -200, max: 200 }),
      async (lines, updates, beside) => {
        const id = `any-${count++}`
        const lineCents = lines.reduce((sum, each) => sum + each.cents, 0)
        const total = Math.max(0, lineCents + beside)
        await db.execute(
          sql`insert into orders (id, currency, total) values (${id}, 'USD', ${total}::numeric / 100)`,
        )
        for (const [at, each] of lines.entries())
          await db.execute(sql`insert into order_items (order_id, line, product_id, quantity, row_total)
            values (${id}, ${at + 1}, 'p', ${each.quantity}, ${each.cents}::numeric / 100)`)
        for (const [at, each] of updates.entries())
          await db.execute(sql`insert into order_updates (order_id, kind, id, value, items)
            values (${id}, 'refunded', ${`u${at}`}, ${each.value}::numeric / 100, ${each.items && JSON.stringify(each.items)}::jsonb)`)
        const [row] = await db.execute<{ within: boolean }>(sql`
          select coalesce(sum(round(value, 2)), 0) <= ${total}::numeric / 100 + coalesce(sum(excess), 0) as within
          from order_updates where order_id = ${id}`)
        expect(row?.within).toBe(true)
      },
    ),
    { numRuns: 60 },
  )
})
