/** Selling what matches where it matches. */
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
      { id: 's2', title: 'S2', region: 'MA' },
      { id: 's3', title: 'S3', region: 'ME' },
    ],
  })
  await server.ask('POST', '/v1/products/batch', {
    products: [
      { id: 'a', title: 'A', brand: 'X', store_ids: ['s1', 's3'] },
      { id: 'b', title: 'B', brand: 'X' },
      { id: 'c', title: 'C', store_ids: ['s3'] },
    ],
  })
})

const change = (body: object) => server.ask('POST', '/v1/availability/bulk', body)
const links = async () =>
  (
    await server.database.db.execute<{ link: string }>(
      sql`select product_id || '-' || store_id as link from product_stores order by 1`,
    )
  ).map(({ link }) => link)

test('products that match are sold in stores that match; a dry run only counts', async () => {
  const body = {
    products: { where: { brand: 'X' } },
    stores: { where: { region: 'MA' } },
    action: 'add',
  }
  const expected = {
    products: 2,
    stores: 2,
    matched: 4,
    changed: 3,
    sample: [
      { product_id: 'a', product_title: 'A', store_id: 's2', store_title: 'S2' },
      { product_id: 'b', product_title: 'B', store_id: 's1', store_title: 'S1' },
      { product_id: 'b', product_title: 'B', store_id: 's2', store_title: 'S2' },
    ],
  }
  const dry = await change({ ...body, dry_run: true })
  expect([dry.status, dry.body]).toEqual([200, expected])
  expect(await links()).toEqual(['a-s1', 'a-s3', 'c-s3'])
  expect((await change({ ...body, expected: 4 })).body).toEqual(expected)
  expect(await links()).toEqual(['a-s1', 'a-s2', 'a-s3', 'b-s1', 'b-s2', 'c-s3'])
  expect((await change(body)).body).toMatchObject({ changed: 0, sample: [] })
  const feed = await server.ask('GET', '/feeds/products.json')
  expect(feed.body).toContainEqual(expect.objectContaining({ $id: 'b', store_ids: 's1,s2' }))
})

test('a finding is a filter of both sides', async () => {
  const answer = await change({
    products: { where: { finding: 'sold_nowhere' } },
    stores: { where: { finding: 'no_address', region: 'ME' } },
    action: 'add',
  })
  expect(answer.body).toMatchObject({ products: 1, stores: 1, matched: 1 })
  expect(await links()).toEqual(['a-s1', 'a-s3', 'b-s3', 'c-s3'])
})

test('and no longer sold', async () => {
  const answer = await change({
    products: { where: {} },
    stores: { ids: ['s3'] },
    action: 'remove',
  })
  expect(answer.body).toMatchObject({ matched: 3, changed: 2 })
  expect(await links()).toEqual(['a-s1'])
})

test('a store is given what another one sells', async () => {
  await change({ products: { where: { store_id: 's3' } }, stores: { ids: ['s2'] }, action: 'add' })
  expect(await links()).toEqual(['a-s1', 'a-s2', 'a-s3', 'c-s2', 'c-s3'])
})

test('when another number of pairs matches than expected, nothing is changed', async () => {
  const answer = await change({
    products: { where: {} },
    stores: { where: {} },
    action: 'add',
    expected: 8,
  })
  expect([answer.status, answer.body]).toMatchObject([
    409,
    { detail: '9 pairs of product and store match now, not 8 as expected. Nothing was changed.' },
  ])
  expect(await links()).toHaveLength(3)
})

test.each([
  [{ products: { ids: ['a', 'x'] } }, 'products.ids.1'],
  [{ stores: { ids: ['a'] } }, 'stores.ids.0'],
  [{ products: {} }, 'products'],
  [{ products: { ids: ['a'], where: {} } }, 'products'],
  [{ stores: { where: { brand: 'X' } } }, 'stores.where.brand'],
  [{ action: 'toggle' }, 'action'],
])('the change %j is rejected by its field', async (part, field) => {
  const body = { products: { where: {} }, stores: { where: {} }, action: 'add', ...part }
  const answer = await change(body)
  expect([answer.status, answer.body]).toMatchObject([422, { errors: [{ field }] }])
})

test('50,000 pairs are changed at once, more are not', async () => {
  const { db } = server.database
  await db.execute(
    sql`insert into products (id, title, brand) select 'n' || n, 'N', 'Many' from generate_series(1, 500) n`,
  )
  await db.execute(
    sql`insert into stores (id, title, city) select 't' || n, 'T', 'Many' from generate_series(1, 100) n`,
  )
  const sides = { products: { where: { brand: 'Many' } }, stores: { where: { city: 'Many' } } }
  for (const action of ['add', 'remove'])
    expect((await change({ ...sides, action })).body).toMatchObject({ changed: 50_000 })
  const more = await change({ ...sides, stores: { where: {} }, action: 'add', dry_run: true })
  expect([more.status, more.body]).toMatchObject([
    422,
    {
      detail:
        '500 products in 103 stores are 51,500 pairs: at most 50,000 can be changed at once. Narrow the filters.',
    },
  ])
})
