/** One change of all records that are named or that match. */
import { sql } from 'drizzle-orm'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { startTestServer } from '../support/server.ts'

const server = await startTestServer()
afterAll(() => server.stop())

beforeEach(async () => {
  await server.database.db.execute(sql`delete from products`)
  await server.database.db.execute(sql`delete from stores`)
  await server.ask('POST', '/v1/stores/batch', {
    stores: [
      { id: 's1', title: 'S1', region: 'MA' },
      { id: 's2', title: 'S2', region: 'ME' },
    ],
  })
  await server.ask('POST', '/v1/products/batch', {
    products: [
      { id: 'a', title: 'Pan', price: 10, categories: ['Pans', 'Old'], store_ids: ['s1'] },
      { id: 'b', title: 'Pot', price: 19.99, categories: ['Pots'], metadata: { color: 'red' } },
      { id: 'c', title: 'Lid', categories: ['Old'], published: false },
    ],
  })
})

const bulk = (body: object) => server.ask('POST', '/v1/products/bulk', body)
const read = async (id: string) => (await server.ask('GET', `/v1/products/${id}`)).body
const all = async () => {
  const rows = await server.database.db.execute(sql`select * from products order by id`)
  return JSON.stringify(rows)
}

test('a patch of what matches a filter, with the first of what changes', async () => {
  const body = { where: { category: 'Old' }, patch: { brand: 'Lodge', published: false } }
  const before = await all()
  const dry = await bulk({ ...body, dry_run: true })
  expect(await all()).toBe(before)
  const expected = {
    matched: 2,
    changed: 2,
    sample: [
      {
        id: 'a',
        title: 'Pan',
        before: { brand: null, published: true },
        after: { brand: 'Lodge', published: false },
      },
      { id: 'c', title: 'Lid', before: { brand: null }, after: { brand: 'Lodge' } },
    ],
  }
  expect([dry.status, dry.body]).toEqual([200, expected])
  const done = await bulk({ ...body, expected: 2 })
  expect([done.status, done.body]).toEqual([200, expected])
  expect(await read('a')).toMatchObject({ brand: 'Lodge', published: false })
  expect(await read('b')).toMatchObject({ brand: null })
  expect((await bulk(body)).body).toEqual({ matched: 2, changed: 0, sample: [] })
})

/** Each of products and of stores with what it matches of what is there; no filter may be read over. */
test.each([
  ['products', { q: 'po' }, ['b']],
  ['products', { category: 'Old' }, ['a', 'c']],
  ['products', { published: false }, ['c']],
  ['products', { updated_since: '2999-01-01T00:00:00Z' }, []],
  ['products', { finding: 'no_price' }, []],
  ['products', { finding: 'sold_nowhere' }, ['b']],
  ['products', { finding: 'no_address' }, []],
  ['products', { finding: 'sold_nowhere', category: 'Pans' }, []],
  ['products', { store_id: 's1' }, ['a']],
  ['products', { not_store_id: 's1' }, ['b', 'c']],
  ['products', { sold: 'none' }, ['b', 'c']],
  ['products', { brand: 'none' }, []],
  ['products', { in_store_only: true }, []],
  ['products', { in_stock: true }, []],
  ['products', { price_min: 10, price_max: 15 }, ['a']],
  ['stores', { finding: 'no_coordinates', region: 'ME' }, ['s2']],
  ['stores', { finding: 'no_price' }, []],
  ['stores', { country_code: 'US' }, []],
  ['stores', { city: 'none' }, []],
  ['stores', { product_id: 'a' }, ['s1']],
])('of %s, where %j is what the list shows', async (plural, where, ids) => {
  const query = new URLSearchParams(
    Object.entries(where).map(([name, value]): [string, string] => [name, `${value}`]),
  )
  const { body: list } = await server.ask('GET', `/v1/${plural}?${query}`)
  expect(Object(list)[plural].map(({ id }: { id: string }) => id)).toEqual(ids)
  const change = { where, patch: { published: false } }
  const dry = await server.ask('POST', `/v1/${plural}/bulk`, { ...change, dry_run: true })
  expect(dry.body).toMatchObject({ matched: ids.length })
  const done = await server.ask('POST', `/v1/${plural}/bulk`, change)
  expect(done.body).toMatchObject({ matched: ids.length })
})

test('the feed shows a bulk change, of hidden products too', async () => {
  await server.ask('GET', '/feeds/products.json')
  await bulk({ ids: ['a'], patch: { published: false } })
  expect((await server.ask('GET', '/feeds/products.json')).body).toMatchObject([{ $id: 'b' }])
  expect((await server.ask('GET', '/feeds/stores.json')).body).toMatchObject([
    { $id: 's1', product_ids: 'n/a' },
    { $id: 's2' },
  ])
})

test.each([
  [{ percent: -10 }, 9, 17.99],
  [{ percent: 12.5, decimals: 1 }, 11.3, 22.5],
  [{ percent: 5, decimals: 0 }, 11, 21],
  [{ amount: -0.5 }, 9.5, 19.49],
  [{ amount: 0.005 }, 10.01, 20],
  [{ percent: -100 }, 0, 0],
])('the price change %j is exact, and no price stays none', async (price, a, b) => {
  const answer = await bulk({ where: {}, price })
  expect(answer.body).toMatchObject({ matched: 3, changed: 2 })
  expect([await read('a'), await read('b'), await read('c')]).toMatchObject([
    { price: a },
    { price: b },
    { price: null },
  ])
})

test('categories are added after those that are there, and taken out', async () => {
  const answer = await bulk({
    where: {},
    categories: { add: ['Sale', 'Pots'], remove: ['Old', 'Never'] },
  })
  expect(answer.body).toMatchObject({
    matched: 3,
    changed: 3,
    sample: [
      {
        id: 'a',
        before: { categories: ['Pans', 'Old'] },
        after: { categories: ['Pans', 'Sale', 'Pots'] },
      },
      { id: 'b', after: { categories: ['Pots', 'Sale'] } },
      { id: 'c', after: { categories: ['Sale', 'Pots'] } },
    ],
  })
})

test('own fields are merged key by key, and emptied by null', async () => {
  await bulk({ ids: ['a', 'b'], patch: { metadata: { color: null, season: 'fall' } } })
  expect([await read('a'), await read('b')]).toMatchObject([
    { metadata: { season: 'fall' } },
    { metadata: { season: 'fall' } },
  ])
  await bulk({ ids: ['b'], patch: { metadata: null, price: null } })
  expect(await read('b')).toMatchObject({ metadata: {}, price: null, title: 'Pot' })
})

test('several kinds of change at once are one write of each row', async () => {
  const { db } = server.database
  const drawn = async () =>
    Number((await db.execute(sql`select last_value from catalog_version`))[0]?.last_value)
  const before = await drawn()
  await bulk({
    ids: ['b'],
    patch: { brand: 'X' },
    categories: { add: ['Y'] },
    price: { amount: 1 },
  })
  expect(await read('b')).toMatchObject({ brand: 'X', categories: ['Pots', 'Y'], price: 20.99 })
  expect(await drawn()).toBe(before + 1)
})

test('what matches is removed with its links', async () => {
  const dry = await bulk({ where: { store_id: 's1' }, remove: true, dry_run: true })
  expect(dry.body).toEqual({
    matched: 1,
    changed: 1,
    sample: [{ id: 'a', title: 'Pan', before: { title: 'Pan' }, after: null }],
  })
  expect(await read('a')).toMatchObject({ id: 'a' })
  await bulk({ where: { store_id: 's1' }, remove: true })
  expect((await server.ask('GET', '/v1/products/a')).status).toBe(404)
  expect((await server.ask('PUT', '/v1/stores/a', { title: 'Free again' })).status).toBe(201)
})

test('when another number matches than expected, the number is told and nothing is changed', async () => {
  const before = await all()
  const answer = await bulk({ where: {}, patch: { brand: 'X' }, expected: 2 })
  expect([answer.status, answer.body]).toMatchObject([
    409,
    {
      detail: '3 products match now, not 2 as expected. Nothing was changed.',
      errors: [{ field: 'expected', detail: 'is 2, but 3 match' }],
    },
  ])
  expect(await all()).toBe(before)
})

test.each([
  [{ ids: ['a', 'nobody'], remove: true }, 'ids.1'],
  [{ ids: ['a', 'a'], remove: true }, 'ids'],
  [{ ids: [], remove: true }, 'ids'],
  [{ ids: ['a'], where: {}, remove: true }, ''],
  [{ remove: true }, ''],
  [{ ids: ['a'] }, ''],
  [{ ids: ['a'], remove: true, patch: { price: 1 } }, 'remove'],
  [{ ids: ['a'], remove: false }, 'remove'],
  [{ ids: ['a'], patch: {} }, 'patch'],
  [{ ids: ['a'], patch: { store_ids: [] } }, 'patch.store_ids'],
  [{ ids: ['a'], patch: { price: -1 } }, 'patch.price'],
  [{ ids: ['a'], patch: { title: null } }, 'patch.title'],
  [{ ids: ['a'], patch: { price: 1 }, price: { percent: 1 } }, 'price'],
  [{ ids: ['a'], patch: { categories: [] }, categories: { add: ['x'] } }, 'categories'],
  [{ ids: ['a'], categories: { add: ['x'], remove: ['x'] } }, 'categories'],
  [{ ids: ['a'], price: { percent: 1, amount: 1 } }, 'price'],
  [{ ids: ['a'], price: { percent: -101 } }, 'price.percent'],
  [{ where: { published: 'false' }, remove: true }, 'where.published'],
  [{ where: { color: 'red' }, remove: true }, 'where.color'],
  [{ where: { limit: 3 }, remove: true }, 'where.limit'],
])('the change %j is rejected by its field', async (body, field) => {
  const before = await all()
  const answer = await bulk(body)
  expect([answer.status, answer.body]).toMatchObject([422, { errors: [{ field }] }])
  expect(await all()).toBe(before)
})

test('a change that leaves an invalid value names the records, in a dry run too', async () => {
  const before = await all()
  for (const dry_run of [true, false]) {
    const cost = await bulk({ where: {}, price: { amount: -15 }, dry_run })
    expect([cost.status, cost.body]).toMatchObject([
      422,
      {
        errors: [
          { field: 'price', detail: '"a" would cost -5.00: a price is from 0 to 9999999999' },
        ],
      },
    ])
  }
  const many = Array.from({ length: 100 }, (_, n) => `c${n}`)
  for (let n = 0; n < 4; n++)
    await bulk({ ids: ['b'], categories: { add: many.map((one) => `${n}${one}`) } })
  expect((await bulk({ ids: ['a', 'b'], categories: { add: many } })).body).toMatchObject({
    errors: [
      {
        field: 'categories.add',
        detail: '"b" would have 501 categories: at most 500 are possible',
      },
    ],
  })
  const keys = Object.fromEntries(many.map((one) => [one, 1]))
  expect((await bulk({ ids: ['a', 'b'], patch: { metadata: keys } })).body).toMatchObject({
    errors: [
      { field: 'patch.metadata', detail: '"b" would have 101 keys: at most 100 are possible' },
    ],
  })
  expect(JSON.parse(await all())[0]).toEqual(JSON.parse(before)[0])
})

test('10,000 are changed at once, one more is not', async () => {
  await server.database.db.execute(
    sql`insert into products (id, title, price) select 'n' || n, 'Many', 1 from generate_series(1, 10000) n`,
  )
  const change = { patch: { brand: 'X' }, price: { percent: 50 } }
  expect((await bulk({ where: { q: 'Many' }, ...change })).body).toMatchObject({
    matched: 10_000,
    changed: 10_000,
  })
  const ids = Array.from({ length: 10_000 }, (_, n) => `n${n + 1}`)
  expect((await bulk({ ids, patch: { brand: null } })).body).toMatchObject({ changed: 10_000 })
  for (const dry_run of [true, false])
    expect(await bulk({ where: {}, remove: true, dry_run })).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'where', detail: 'matches more than 10,000 products' }] },
    })
  expect((await bulk({ where: { brand: 'X' }, remove: true })).body).toMatchObject({ matched: 0 })
  expect((await bulk({ where: { q: 'Many' }, remove: true })).body).toMatchObject({
    matched: 10_000,
  })
})

test('what a concurrent write takes out of the selection is left, what it brings in is changed', async () => {
  const { db } = server.database
  await bulk({ ids: ['a'], patch: { brand: 'X' } })
  const change = await db.transaction(async (tx) => {
    await tx.execute(sql`update products set brand = null where id = 'a'`)
    await tx.execute(sql`update products set brand = 'X' where id = 'b'`)
    const answer = bulk({ where: { brand: 'X' }, patch: { description: 'Of X' } })
    await expect.poll(() => countWaiting()).toBe(1)
    // In an object, because what a transaction returns is awaited before it commits.
    return { answer }
  })
  expect((await change.answer).body).toMatchObject({ matched: 1, sample: [{ id: 'b' }] })
  expect([await read('a'), await read('b')]).toMatchObject([
    { description: null },
    { description: 'Of X' },
  ])
})

async function countWaiting(): Promise<number> {
  const rows = await server.database.db.execute(
    sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return rows.length
}

test('bulk changes, patches and links of the same products at once all go through', async () => {
  await server.database.db.execute(
    sql`insert into products (id, title, price) select 'n' || n, 'Many', 1 from generate_series(1, 300) n`,
  )
  const ids = Array.from({ length: 300 }, (_, n) => `n${n + 1}`)
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, n) => [
      bulk({ where: { q: 'Many' }, price: { amount: 1 } }),
      bulk({ ids: n % 2 ? ids : ids.toReversed(), categories: { add: [`c${n}`] } }),
      server.ask('PATCH', '/v1/products', {
        products: ids.toReversed().map((id) => ({ id, brand: `b${n}` })),
      }),
      server.ask('POST', '/v1/availability/bulk', {
        products: { where: { q: 'Many' } },
        stores: { where: {} },
        action: n % 2 ? 'add' : 'remove',
      }),
    ]).flat(),
  )
  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  const [row] = await server.database.db.execute(sql`
    select min(price)::int as least, max(price)::int as most, min(cardinality(categories)) as fewest
    from products where title = 'Many'`)
  expect(row).toEqual({ least: 7, most: 7, fewest: 6 })
})

test('stores are changed alike, but have no price', async () => {
  const answer = await server.ask('POST', '/v1/stores/bulk', {
    where: { region: 'MA' },
    patch: { published: false },
    categories: { add: ['Closed'] },
  })
  expect(answer.body).toMatchObject({ matched: 1, changed: 1 })
  expect((await server.ask('GET', '/v1/stores/s1')).body).toMatchObject({
    published: false,
    categories: ['Closed'],
  })
  const priced = await server.ask('POST', '/v1/stores/bulk', {
    where: {},
    price: { percent: 1 },
  })
  expect([priced.status, priced.body]).toMatchObject([422, { errors: [{ field: 'price' }] }])
})
